//! `/proc/self/status`, see proc_pid_status(5).

use crate::facts::privilege::Seccomp;
use crate::observe::{SourceError, host};

pub(super) const PATH: &str = "/proc/self/status";

/// The lines of a status file that say what the process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// `CapEff`: one bit a capability.
    pub effective: u64,
    /// `Seccomp`.
    pub seccomp: Seccomp,
}

/// Parses a status file.
///
/// The kernel writes no `Seccomp` line when it is built without seccomp; that is told from a file
/// that was cut by the CPU mask, which follows in every kernel.
///
/// # Errors
///
/// [`SourceError::Malformed`] when `CapEff` is missing, or `Seccomp` and all that follows it.
pub fn parse(text: &str) -> Result<Status, SourceError> {
    let effective = field(text, "CapEff")
        .and_then(|it| u64::from_str_radix(it, 16).ok())
        .ok_or_else(|| malformed("a line CapEff with a hexadecimal mask", text))?;
    let seccomp = match field(text, "Seccomp") {
        Some("0") => Seccomp::Disabled,
        Some("1") => Seccomp::Strict,
        Some("2") => Seccomp::Filter,
        Some(other) => return Err(malformed("seccomp mode 0, 1 or 2", other)),
        None if field(text, "Cpus_allowed").is_some() => Seccomp::Disabled,
        None => return Err(malformed("a line Seccomp, or the lines behind it", text)),
    };
    Ok(Status { effective, seccomp })
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| (key == name).then(|| value.trim()))
}

fn malformed(expected: &'static str, found: &str) -> SourceError {
    SourceError::Malformed { path: PATH.into(), expected, found: host::shorten(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux 6.18 in a virtual machine, root without CAP_SYS_RESOURCE; shortened.
    const ROOT: &str = "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nCapInh:\t0000000000000000\n\
        CapPrm:\t000001fffeffffff\nCapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n\
        Speculation_Store_Bypass:\tvulnerable\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n";

    #[test]
    fn a_root_process_is_read() {
        let status = Status { effective: 0x1ff_feff_ffff, seccomp: Seccomp::Disabled };
        assert_eq!(parse(ROOT).unwrap(), status);
    }

    #[test]
    fn a_filter_and_strict_mode_are_told_apart() {
        let filter = ROOT.replace("Seccomp:\t0", "Seccomp:\t2");
        assert_eq!(parse(&filter).unwrap().seccomp, Seccomp::Filter);
        let strict = ROOT.replace("Seccomp:\t0", "Seccomp:\t1");
        assert_eq!(parse(&strict).unwrap().seccomp, Seccomp::Strict);
    }

    #[test]
    fn a_kernel_without_seccomp_has_no_filter() {
        let without = ROOT.replace("Seccomp:\t0\nSeccomp_filters:\t0\n", "");
        assert_eq!(parse(&without).unwrap().seccomp, Seccomp::Disabled);
    }

    #[test]
    fn a_file_that_was_cut_before_the_seccomp_line_settles_nothing() {
        let (cut, _) = ROOT.split_once("Seccomp").unwrap();
        assert!(matches!(parse(cut), Err(SourceError::Malformed { .. })));
    }

    #[test]
    fn rubbish_is_malformed() {
        for text in ["", "CapEff:\n", "CapEff:\tzz\nSeccomp:\t0\n", "CapEff:\t0\nSeccomp:\t9\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
