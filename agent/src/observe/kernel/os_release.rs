//! os-release(5): which distribution the host's root holds.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::facts::kernel::OsRelease;
use crate::observe::{Host, SourceError, host};

/// In the order that os-release(5) asks for.
const PATHS: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Reads the first os-release file that is there.
pub(super) fn os_release(host: &Host) -> Observed<Option<OsRelease>> {
    for path in PATHS {
        match host.read(path) {
            Ok(None) => {}
            Ok(Some(text)) => return parse(path, &text).map(Some).into(),
            Err(error) => return Observed::Unknown(error.into()),
        }
    }
    Observed::Known(None)
}

/// Parses shell-like assignments; comments and lines that are none are passed over, as the man
/// page asks.
///
/// # Errors
///
/// [`SourceError::Malformed`] when there is not one assignment.
pub fn parse(path: &str, text: &str) -> Result<OsRelease, SourceError> {
    let mut fields: BTreeMap<&str, String> = text.lines().filter_map(assignment).collect();
    if fields.is_empty() {
        return Err(SourceError::Malformed {
            path: path.into(),
            expected: "KEY=value lines",
            found: host::shorten(text),
        });
    }
    Ok(OsRelease {
        id: fields.remove("ID").unwrap_or_else(|| "linux".into()),
        version_id: fields.remove("VERSION_ID").unwrap_or_default(),
        pretty_name: fields.remove("PRETTY_NAME").unwrap_or_default(),
    })
}

fn assignment(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.trim().split_once('=')?;
    let name = !key.is_empty() && key.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    name.then(|| (key, unquote(value)))
}

/// Takes quotes and backslashes off, as a shell does.
fn unquote(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut quote = None;
    let mut chars = value.chars().peekable();
    while let Some(it) = chars.next() {
        match (it, quote) {
            ('"' | '\'', None) => quote = Some(it),
            (_, Some(open)) if it == open => quote = None,
            ('\\', None) => plain.extend(chars.next()),
            ('\\', Some('"')) => {
                let escaped = chars.next_if(|it| matches!(it, '"' | '\\' | '$' | '`'));
                plain.push(escaped.unwrap_or('\\'));
            }
            _ => plain.push(it),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::facts::Cause;
    use crate::observe::host::tests::host;

    /// Amazon Linux 2023's, shortened.
    const AL2023: &str = "NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\n\
        VERSION_ID=\"2023\"\nPLATFORM_ID=\"platform:al2023\"\nPRETTY_NAME=\"Amazon Linux 2023\"\n";

    #[test]
    fn amazon_linux_names_itself() {
        let os = parse("/etc/os-release", AL2023).unwrap();
        assert_eq!((os.id.as_str(), os.version_id.as_str()), ("amzn", "2023"));
        assert_eq!(os.pretty_name, "Amazon Linux 2023");
    }

    #[test]
    fn without_an_id_it_is_linux_as_the_man_page_says() {
        let os = parse("/etc/os-release", "# comment\nNAME=Own\n").unwrap();
        assert_eq!((os.id.as_str(), os.version_id.as_str()), ("linux", ""));
    }

    #[test]
    fn quotes_and_escapes_are_those_of_a_shell() {
        assert_eq!(unquote(r#""a \"b\" \$c \n""#), r#"a "b" $c \n"#);
        assert_eq!(unquote(r"'a \b'"), r"a \b");
        assert_eq!(unquote(r"a\ b"), "a b");
        assert_eq!(unquote("\"open"), "open");
    }

    #[test]
    fn text_without_an_assignment_is_malformed() {
        for text in ["", "\n\n", "no assignment", "=x\n"] {
            assert!(parse("/etc/os-release", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_usual_symlink_is_followed_inside_the_root() {
        let (_dir, host) = host(|root| {
            fs::create_dir_all(root.join("usr/lib")).unwrap();
            fs::create_dir_all(root.join("etc")).unwrap();
            fs::write(root.join("usr/lib/os-release"), AL2023).unwrap();
            symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
        });
        assert_eq!(os_release(&host).known().unwrap().as_ref().unwrap().id, "amzn");
    }

    #[test]
    fn the_vendor_file_stands_in_for_a_missing_one_and_none_is_an_absence() {
        let (_dir, with) = host(|root| {
            fs::create_dir_all(root.join("usr/lib")).unwrap();
            fs::write(root.join("usr/lib/os-release"), "ID=bottlerocket\n").unwrap();
        });
        assert_eq!(os_release(&with).known().unwrap().as_ref().unwrap().id, "bottlerocket");
        let (_dir, without) = host(|_| {});
        assert_eq!(os_release(&without), Observed::Known(None));
    }

    #[test]
    fn binary_rubbish_is_malformed_and_not_absent() {
        let (_dir, host) = host(|root| {
            fs::create_dir_all(root.join("etc")).unwrap();
            fs::write(root.join("etc/os-release"), [0xff, 0xfe, 0x00, b'=']).unwrap();
        });
        assert_eq!(os_release(&host).failure().unwrap().cause, Cause::Malformed);
    }
}
