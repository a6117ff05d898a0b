//! Bounded decompression.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::GzDecoder;

use crate::observe::SourceError;

/// Most bytes that a configuration may have when it is unpacked; the largest of a distribution has
/// about 300 thousand.
pub(super) const MOST: u64 = 8 << 20;

/// RFC 1952, section 2.3.1.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content, unpacked if it is gzip: by its first bytes, since names lie.
pub(super) fn plain<'a>(path: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, SourceError> {
    let too_large = || SourceError::TooLarge { path: path.into(), limit: MOST };
    if !bytes.starts_with(&MAGIC) {
        return if bytes.len() as u64 > MOST { Err(too_large()) } else { Ok(bytes.into()) };
    }
    let mut unpacked = Vec::new();
    match GzDecoder::new(bytes).take(MOST + 1).read_to_end(&mut unpacked) {
        Err(error) => Err(SourceError::Malformed {
            path: path.into(),
            expected: "a whole gzip file",
            found: error.to_string(),
        }),
        Ok(length) if length as u64 > MOST => Err(too_large()),
        Ok(_) => Ok(unpacked.into()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    pub(in crate::observe::config) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_not_packed_stays_what_it_is() {
        assert_eq!(&*plain("/x.gz", b"CONFIG_BPF=y\n").unwrap(), b"CONFIG_BPF=y\n");
        assert_eq!(&*plain("/x", b"").unwrap(), b"");
    }

    #[test]
    fn packed_content_is_unpacked_whatever_its_name() {
        assert_eq!(&*plain("/boot/config", &gzip(b"text")).unwrap(), b"text");
    }

    #[test]
    fn a_bomb_is_too_large() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(plain("/x", &bomb), Err(SourceError::TooLarge { .. })));
    }

    #[test]
    fn a_file_that_was_cut_or_bent_is_malformed() {
        let whole = gzip(&(0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        for length in [2, 9, whole.len() / 2, whole.len() - 1] {
            let cut = plain("/x", &whole[..length]);
            assert!(matches!(cut, Err(SourceError::Malformed { .. })), "{length}");
        }
        let mut bent = whole;
        let middle = bent.len() / 2;
        bent[middle] ^= 0xff;
        assert!(matches!(plain("/x", &bent), Err(SourceError::Malformed { .. })));
    }
}
