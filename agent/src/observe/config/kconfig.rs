//! The file format of a kernel configuration, as `scripts/kconfig/confdata.c` writes it.

use std::collections::BTreeMap;

use super::gunzip;
use crate::facts::config::OPTIONS;
use crate::observe::{SourceError, host};

/// What a configuration file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// For which kernel it was made; `None`: it has no such line.
    pub header: Option<Header>,
    /// Those of [`OPTIONS`] that are set.
    pub options: BTreeMap<String, String>,
}

/// `# Linux/x86 6.18.44 Kernel Configuration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `ARCH` of the kernel's build: `x86`, `x86_64` or `arm64`, not the word of uname(1).
    pub arch: String,
    /// `KERNELVERSION`; distributions of the RPM family put the whole release there.
    pub version: String,
}

/// Parses a configuration, packed with gzip or not.
///
/// A file that was cut would tell options as "not set" that are set, so it is refused: one without
/// a newline at its end, or with the kernel's first menu and without its last.
///
/// # Errors
///
/// [`SourceError::Malformed`] and [`SourceError::TooLarge`].
pub fn parse(path: &str, bytes: &[u8]) -> Result<Parsed, SourceError> {
    let bytes = gunzip::plain(path, bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let malformed = |expected| SourceError::Malformed {
        path: path.into(),
        expected,
        found: host::shorten(text.lines().last().unwrap_or_default()),
    };
    let mut options = BTreeMap::new();
    let (mut assignments, mut first_menu, mut late_menu) = (0_u32, false, false);
    for line in text.lines() {
        first_menu |= line == "# General setup";
        late_menu |= line == "# Kernel hacking";
        let Some((name, value)) = assignment(line) else { continue };
        assignments += 1;
        if OPTIONS.binary_search(&name).is_ok() {
            options.insert(name.to_owned(), value.to_owned());
        }
    }
    if assignments == 0 {
        return Err(malformed("lines such as CONFIG_NET=y"));
    }
    if !text.ends_with('\n') || first_menu && !late_menu {
        return Err(malformed("a whole kernel configuration, not a part"));
    }
    Ok(Parsed { header: text.lines().take(LINES_TO_HEADER).find_map(header), options })
}

/// The header is the third line, or the fourth where a distribution puts the architecture first.
const LINES_TO_HEADER: usize = 32;

fn assignment(line: &str) -> Option<(&str, &str)> {
    line.split_once('=').filter(|(name, _)| name.starts_with("CONFIG_"))
}

fn header(line: &str) -> Option<Header> {
    let words = line.strip_prefix("# Linux/")?.strip_suffix(" Kernel Configuration")?;
    let (arch, version) = words.split_once(' ')?;
    Some(Header { arch: arch.to_owned(), version: version.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::gunzip::tests::gzip;
    use super::*;

    /// The beginning and the end of this project's build machine's, Linux 6.18.
    const FIRECRACKER: &str = "#\n# Automatically generated file; DO NOT EDIT.\n\
        # Linux/x86 6.18.44 Kernel Configuration\n#\nCONFIG_CC_VERSION_TEXT=\"gcc (GCC) 15.3.0\"\n\
        #\n# General setup\n#\nCONFIG_LOCALVERSION=\"-fc-v657\"\nCONFIG_BPF=y\nCONFIG_HZ=250\n\
        # CONFIG_NETKIT is not set\nCONFIG_EXT4_FS=y\n#\n# Kernel hacking\n#\n\
        # end of Kernel hacking\n";

    #[test]
    fn options_keep_the_words_of_the_file_and_unasked_ones_are_dropped() {
        let parsed = parse("/proc/config.gz", FIRECRACKER.as_bytes()).unwrap();
        let options: Vec<_> =
            parsed.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            options,
            [("CONFIG_BPF", "y"), ("CONFIG_HZ", "250"), ("CONFIG_LOCALVERSION", "\"-fc-v657\"")]
        );
        let header = Header { arch: "x86".into(), version: "6.18.44".into() };
        assert_eq!(parsed.header, Some(header));
    }

    #[test]
    fn a_packed_file_reads_as_the_plain_one() {
        let packed = parse("/boot/config", &gzip(FIRECRACKER.as_bytes())).unwrap();
        assert_eq!(packed, parse("/boot/config", FIRECRACKER.as_bytes()).unwrap());
    }

    #[test]
    fn a_file_that_was_cut_is_refused() {
        let mid_line = &FIRECRACKER[..FIRECRACKER.find("CONFIG_HZ=250").unwrap() + 9];
        let after_a_line = &FIRECRACKER[..FIRECRACKER.find("# CONFIG_NETKIT").unwrap()];
        for text in [mid_line, after_a_line] {
            let refused = parse("/boot/config", text.as_bytes());
            assert!(matches!(refused, Err(SourceError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn empty_binary_and_foreign_text_is_malformed() {
        let random: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for bytes in [&b""[..], b"\n", &random, b"# CONFIG_BPF is not set\n", b"<html></html>\n"] {
            assert!(matches!(parse("/x", bytes), Err(SourceError::Malformed { .. })));
        }
    }

    #[test]
    fn a_file_without_menus_or_header_is_read() {
        let parsed = parse("/x", b"CONFIG_BPF=y\nCONFIG_BPF_SYSCALL=y\n").unwrap();
        assert_eq!((parsed.header, parsed.options.len()), (None, 2));
    }

    #[test]
    fn the_last_of_two_assignments_counts_as_for_the_kernels_own_reader() {
        let parsed = parse("/x", b"CONFIG_VXLAN=m\nCONFIG_VXLAN=y\n").unwrap();
        assert_eq!(parsed.options["CONFIG_VXLAN"], "y");
    }
}
