//! The start-up requirements of the target release as findings, each with its remedy.

use super::reason::Reason;
use super::releases::Ended;
use super::report::{Finding, Outcome, Release, Severity, Ternary};

/// One finding for each requirement of the target. `runs_here` is the newest release that does.
pub(super) fn findings(
    ended: &[Ended],
    target: Release,
    runs_here: Option<Release>,
) -> Vec<Finding> {
    let rows = ended.iter().filter(|it| it.fatal.concerns(target));
    rows.map(|it| finding(it, target, runs_here)).collect()
}

fn finding(ended: &Ended, target: Release, runs_here: Option<Release>) -> Finding {
    let title = ended.fatal.title;
    let (outcome, reason, message) = match ended.met.holds {
        Ternary::Yes => (Outcome::Pass, Reason::Satisfied, format!("{title}: there")),
        Ternary::No => {
            let message = format!("Cilium {target} stops at start without {title}");
            (Outcome::Fail, ended.met.reason, message)
        }
        Ternary::Unknown => {
            let message = format!("Cilium {target} needs {title}; whether it is there is open");
            (Outcome::Undetermined, ended.met.reason, message)
        }
    };
    Finding {
        rule: ended.fatal.id.into(),
        outcome,
        severity: Severity::Blocking,
        reason,
        message,
        remedy: remedy(ended, target, runs_here),
        evidence: ended.met.evidence.clone(),
        value: None,
    }
}

fn remedy(ended: &Ended, target: Release, runs_here: Option<Release>) -> String {
    match ended.met.holds {
        Ternary::Yes => String::new(),
        Ternary::No => {
            let other = match runs_here {
                Some(release) if release != target => {
                    format!(" Or Cilium {release}, which starts here.")
                }
                Some(_) | None => String::new(),
            };
            format!("{}{other}", missing(ended))
        }
        Ternary::Unknown => open(ended.met.reason).into(),
    }
}

fn missing(ended: &Ended) -> String {
    let kernel = ended.fatal.kernel;
    match ended.met.reason {
        Reason::ArchitectureUnsupported => "Use an amd64 or arm64 node.".into(),
        Reason::SwitchedOff => "Switch it on: the evidence says what is in the way.".into(),
        Reason::ModuleAbsent => "Install the module that the evidence names.".into(),
        _ if kernel.is_empty() => "Use a kernel that has it.".into(),
        _ => format!("Use a kernel that has it: Linux {kernel} or newer, or a back-port of it."),
    }
}

/// What makes an open question answerable.
pub(super) fn open(reason: Reason) -> &'static str {
    match reason {
        Reason::PermissionDenied | Reason::NotProbed | Reason::PrerequisiteUnknown => {
            "Run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN."
        }
        Reason::Seccomp => "Run under a seccomp profile that lets bpf(2) through.",
        Reason::Inconclusive => "See the other findings: a setting may hide the answer.",
        Reason::Busy | Reason::Timeout | Reason::OutOfMemory => "Run it again.",
        _ => "See the evidence for what stood in the way.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{releases, sample};

    fn of(facts: &crate::facts::Facts) -> Vec<Finding> {
        findings(&releases::ask(facts), releases::NEWEST, Some(Release::one(17)))
    }

    #[test]
    fn what_is_missing_is_told_with_the_kernel_that_has_it_and_the_release_that_runs() {
        let found = of(&sample::kernel(5, 4));
        let it = found.iter().find(|it| it.rule == "requires-csum-level").unwrap();
        assert_eq!((it.outcome, it.severity), (Outcome::Fail, Severity::Blocking));
        assert!(it.remedy.contains("Linux 5.8 or newer"), "{}", it.remedy);
        assert!(it.remedy.contains("Cilium 1.17, which starts here"), "{}", it.remedy);
        assert!(it.evidence[0].contains("bpf_csum_level"), "{:?}", it.evidence);
    }

    #[test]
    fn what_is_there_passes_and_what_is_open_names_the_rights_to_add() {
        assert!(of(&sample::kernel(5, 10)).iter().all(|it| it.outcome == Outcome::Pass));
        for it in of(&sample::unknown()) {
            assert_eq!(it.outcome, Outcome::Undetermined, "{it:?}");
            assert!(it.remedy.contains("CAP_BPF"), "{it:?}");
        }
    }
}
