//! The active LSMs: `bpf` among them is what makes a BPF LSM program do anything.

use super::lsm_list_modules;
use crate::facts::Observed;
use crate::facts::security::{LsmList, LsmSource};
use crate::observe::{Host, SourceError, host};

/// securityfs; `security/inode.c` prints the names with commas between them and no newline.
const PATH: &str = "/sys/kernel/security/lsm";

/// Lists the active LSMs, from securityfs or else by lsm_list_modules(2), which needs no mount.
pub(super) fn lsms(host: &Host) -> Observed<Option<LsmList>> {
    match host.read(PATH).and_then(|text| text.as_deref().map(parse).transpose()) {
        Ok(Some(names)) => Observed::Known(Some(LsmList { names, source: LsmSource::Securityfs })),
        Ok(None) => lsm_list_modules::lsms(host),
        Err(error) => match lsm_list_modules::lsms(host) {
            Observed::Known(Some(list)) => Observed::Known(Some(list)),
            Observed::Known(None) | Observed::Unknown(_) => Observed::Unknown(error.into()),
        },
    }
}

/// Parses `lockdown,capability,bpf`.
///
/// # Errors
///
/// [`SourceError::Malformed`] when a name is empty or holds more than letters, digits, `-` and `_`.
pub fn parse(text: &str) -> Result<Vec<String>, SourceError> {
    let word = |it: &str| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
    };
    let names = text.trim_end().split(',');
    if names.clone().all(word) {
        return Ok(names.map(str::to_owned).collect());
    }
    Err(SourceError::Malformed {
        path: PATH.into(),
        expected: "names with commas between them",
        found: host::shorten(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn debian_12_lists_seven() {
        let names = parse("lockdown,capability,landlock,yama,apparmor,tomoyo,bpf").unwrap();
        assert_eq!(
            names,
            ["lockdown", "capability", "landlock", "yama", "apparmor", "tomoyo", "bpf"]
        );
    }

    #[test]
    fn an_empty_or_broken_list_is_malformed_and_not_empty() {
        for text in ["", "\n", "a,,b", "capability,\u{0}", "<html>"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn securityfs_wins_where_it_is_mounted() {
        let (_dir, host) = host(|root| {
            std::fs::create_dir_all(root.join("sys/kernel/security")).unwrap();
            std::fs::write(root.join("sys/kernel/security/lsm"), "capability,bpf").unwrap();
        });
        let list = LsmList {
            names: vec!["capability".into(), "bpf".into()],
            source: LsmSource::Securityfs,
        };
        assert_eq!(lsms(&host), Observed::Known(Some(list)));
    }
}
