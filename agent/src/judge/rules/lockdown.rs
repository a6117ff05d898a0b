//! Rule `lockdown`: the kernel lets tracing programs read its memory. Packet programs, and so
//! Cilium's datapath, work in every mode (cilium/tetragon#5507, siderolabs/talos#8117).

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::security::Lockdown;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "lockdown",
    source: "https://man7.org/linux/man-pages/man7/kernel_lockdown.7.html",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.security.lockdown {
        Observed::Known(None) => Answer::pass("the lockdown LSM is not active"),
        Observed::Known(Some(Lockdown::None)) => Answer::pass("nothing is locked down"),
        Observed::Known(Some(Lockdown::Integrity)) => {
            Answer::pass("lockdown integrity does not touch BPF")
        }
        Observed::Known(Some(Lockdown::Confidentiality)) => Answer::fail(
            Severity::Advisory,
            Reason::LockdownConfidentiality,
            "tracing programs may not read kernel memory; Cilium's datapath is not affected",
        )
        .remedy("Boot with lockdown=integrity if you need tracing tools.")
        .evidence(["/sys/kernel/security/lockdown: confidentiality".to_owned()]),
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Advisory, "/sys/kernel/security/lockdown", failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn only_confidentiality_fails_and_it_blocks_nothing() {
        let reason = Reason::LockdownConfidentiality;
        let answer = expect(&RULE, &sample::locked_down(), Outcome::Fail, reason);
        assert_eq!(answer.severity, Severity::Advisory);
        let mut facts = sample::kernel(6, 12);
        for mode in [None, Some(Lockdown::None), Some(Lockdown::Integrity)] {
            facts.security.lockdown = Observed::Known(mode);
            expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        }
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
