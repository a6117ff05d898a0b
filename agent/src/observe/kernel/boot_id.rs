//! `/proc/sys/kernel/random/boot_id`: tells one boot from the next.

use std::path::Path;

use crate::facts::Observed;
use crate::observe::{Host, SourceError, host, procfs};

/// See random(4).
const PATH: &str = "/proc/sys/kernel/random/boot_id";

/// Reads the id of this boot.
pub(super) fn boot_id(host: &Host) -> Observed<Option<String>> {
    match host.read(PATH) {
        Ok(Some(text)) => parse(&text).map(Some).into(),
        Ok(None) => procfs::absent(host, PATH, None),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// Parses a UUID in its text form: 8-4-4-4-12 hexadecimal digits.
///
/// # Errors
///
/// [`SourceError::Malformed`] for everything else.
pub fn parse(text: &str) -> Result<String, SourceError> {
    let id = text.trim_end();
    let lengths = [8, 4, 4, 4, 12];
    let mut groups = id.split('-');
    let uuid = lengths
        .iter()
        .all(|&length| groups.next().is_some_and(|it| it.len() == length && is_hexadecimal(it)));
    if uuid && groups.next().is_none() {
        return Ok(id.to_owned());
    }
    Err(SourceError::Malformed {
        path: Path::new(PATH).into(),
        expected: "a UUID",
        found: host::shorten(id),
    })
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_that_a_kernel_printed_is_accepted() {
        let id = parse("0b5a3b3d-a072-40e8-b3ab-ebce329b623e\n").unwrap();
        assert_eq!(id, "0b5a3b3d-a072-40e8-b3ab-ebce329b623e");
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "\n",
            "0b5a3b3d",
            "0b5a3b3d-a072-40e8-b3ab-ebce329b623e-0",
            "zb5a3b3d-a072-40e8-b3ab-ebce329b623e",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
