//! What the kernel answered, remembered across restarts of the agent. Whether it still holds (same
//! boot, same rights, same version) is decided where it is used.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

use crate::facts::Facts;

const NAME: &str = "facts.json";
/// Ten times of what a node's facts take.
const MOST_BYTES: u64 = 32 << 20;

/// The remembered facts; `None`: there are none that can be read.
pub(super) fn load(dir: &Path) -> Option<Facts> {
    let path = dir.join(NAME);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|it| it.take(MOST_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "cannot read what was remembered");
            return None;
        }
    }
    // As recordings are read: the code for it is there once, and it is hundreds of kilobytes.
    serde_json::from_slice(&bytes)
        .inspect_err(|error| {
            tracing::info!(%error, path = %path.display(), "what was remembered is not usable");
        })
        .ok()
}

/// Remembers: the whole file or the one before.
pub(super) fn store(dir: &Path, facts: &Facts) -> io::Result<()> {
    // Any writer, as for those who ask over HTTP: here too the code is there once.
    replace(dir, NAME, |file| {
        let file: &mut dyn io::Write = file;
        serde_json::to_writer(file, facts).map_err(Into::into)
    })
}

/// Writes a file in one step, so that nobody reads half of it.
pub(super) fn replace(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    // Readers of such folders skip what begins with a dot.
    let coming = dir.join(format!(".{name}.coming"));
    let mut file = BufWriter::new(File::create(&coming)?);
    write(&mut file)?;
    file.flush()?;
    std::fs::rename(&coming, dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_or_nonsense_is_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(dir.path()).is_none());
        std::fs::write(dir.path().join(NAME), "{").unwrap();
        assert!(load(dir.path()).is_none());
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), "x", |file| file.write_all(b"one")).unwrap();
        let fails = replace(dir.path(), "x", |_| Err(io::ErrorKind::Other.into()));
        assert!(fails.is_err());
        assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"one");
    }
}
