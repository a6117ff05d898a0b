//! Kernel lockdown: under `confidentiality`, tracing helpers are refused; the datapath is not.

use crate::facts::security::{Lockdown, LsmList};
use crate::facts::{Cause, Observed};
use crate::observe::{Host, SourceError, host};

const PATH: &str = "/sys/kernel/security/lockdown";

/// Reads the active kernel lockdown mode.
///
/// Source: [`PATH`] (securityfs), since Linux 5.4; the format is that of the kernel's
/// `security/lockdown/lockdown.c`. Needs no capability. Where the file is missing, only a list of
/// LSMs without `lockdown` proves that nothing is locked down: securityfs is often not mounted.
pub(super) fn lockdown(
    host: &Host,
    lsms: &Observed<Option<LsmList>>,
) -> Observed<Option<Lockdown>> {
    match host.read(PATH) {
        Ok(Some(text)) => parse(&text).map(Some).into(),
        Ok(None) => without_file(lsms),
        Err(error) => Observed::Unknown(error.into()),
    }
}

fn without_file(lsms: &Observed<Option<LsmList>>) -> Observed<Option<Lockdown>> {
    match lsms {
        Observed::Known(Some(list)) if !list.names.iter().any(|it| it == "lockdown") => {
            Observed::Known(None)
        }
        Observed::Known(_) | Observed::Unknown(_) => Observed::unknown(
            Cause::Prerequisite,
            format!("{PATH} is missing: securityfs is not mounted there"),
        ),
    }
}

/// Parses `none [integrity] confidentiality`; brackets mark the active mode.
///
/// # Errors
///
/// [`SourceError::Malformed`] when no known mode is in brackets.
pub fn parse(text: &str) -> Result<Lockdown, SourceError> {
    let active = text.split_whitespace().find_map(|it| it.strip_prefix('[')?.strip_suffix(']'));
    match active {
        Some("none") => Ok(Lockdown::None),
        Some("integrity") => Ok(Lockdown::Integrity),
        Some("confidentiality") => Ok(Lockdown::Confidentiality),
        _ => Err(SourceError::Malformed {
            path: PATH.into(),
            expected: "one known mode in brackets",
            found: host::shorten(text),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::security::LsmSource;
    use crate::observe::host::tests::host;

    fn list(names: &[&str]) -> Observed<Option<LsmList>> {
        let names = names.iter().map(|&it| it.to_owned()).collect();
        Observed::Known(Some(LsmList { names, source: LsmSource::LsmListModules }))
    }

    #[test]
    fn the_mode_in_brackets_is_the_active_one() {
        assert_eq!(parse("[none] integrity confidentiality\n").unwrap(), Lockdown::None);
        assert_eq!(parse("none [integrity] confidentiality\n").unwrap(), Lockdown::Integrity);
        let last = parse("none integrity [confidentiality]\n").unwrap();
        assert_eq!(last, Lockdown::Confidentiality);
    }

    #[test]
    fn no_brackets_or_an_unknown_mode_is_malformed() {
        for text in ["", "none integrity", "[secrecy] none", "[", "[]"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_lsm_list_without_lockdown_settles_it() {
        let (_dir, host) = host(|_| {});
        assert_eq!(lockdown(&host, &list(&["capability", "bpf"])), Observed::Known(None));
    }

    #[test]
    fn without_securityfs_an_active_lockdown_lsm_has_an_unknown_mode() {
        let (_dir, host) = host(|_| {});
        for lsms in [list(&["lockdown", "capability"]), Observed::Known(None)] {
            let seen = lockdown(&host, &lsms);
            assert_eq!(seen.failure().map(|it| it.cause), Some(Cause::Prerequisite));
        }
    }
}
