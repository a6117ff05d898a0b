//! `--cilium-values FILE`: a Cilium configuration from a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::judge::values::{self, Values};

/// Most bytes that are read. A ConfigMap holds at most 1 MiB, the chart's whole `values.yaml` has
/// less than 200 KiB.
const MAX_BYTES: u64 = 4 << 20;

/// Reads and parses Helm values or a ConfigMap.
///
/// # Errors
///
/// When the file cannot be read, is larger than 4 MiB, or holds no usable values; the message
/// names the file, and the line where there is one.
pub(super) fn read(path: &Path) -> anyhow::Result<Values> {
    let name = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .with_context(|| format!("cannot read {name}"))?;
    ensure!(text.len() as u64 <= MAX_BYTES, "{name}: more than {MAX_BYTES} bytes");
    values::parse(&text).with_context(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    #[test]
    fn a_wrong_value_is_told_with_file_and_line() {
        let file = file(b"a: 1\nl7Proxy: maybe\n");
        let error = format!("{:#}", read(file.path()).unwrap_err());
        assert!(error.starts_with(&file.path().display().to_string()), "{error}");
        assert!(error.contains("line 2: l7Proxy: expected true or false"), "{error}");
    }

    #[test]
    fn missing_binary_and_huge_files_are_refused() {
        assert!(read(Path::new("/no/such/file")).is_err());
        assert!(read(file(b"\xff\xfe\x00").path()).is_err());
        let huge = file(&vec![b'#'; usize::try_from(MAX_BYTES).unwrap() + 1]);
        assert!(format!("{:#}", read(huge.path()).unwrap_err()).contains("more than"));
    }
}
