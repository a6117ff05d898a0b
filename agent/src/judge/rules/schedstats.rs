//! Rule `schedstat-present`: `/proc/schedstat` is there. Cilium finds the kernel's timer frequency
//! by it (`KernelHZ` of `pkg/datapath/linux/probes`), to keep time in jiffies.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "schedstat-present",
    source: "https://docs.cilium.io/en/stable/operations/system_requirements/#base-requirements",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.kernel.schedstat {
        Observed::Known(true) => Answer::pass("/proc/schedstat is there"),
        Observed::Known(false) => Answer::fail(
            Severity::Degraded,
            Reason::SchedstatMissing,
            "Cilium cannot tell the kernel's timer frequency",
        )
        .remedy("Use a kernel with CONFIG_SCHEDSTATS=y.")
        .evidence(["there is no /proc/schedstat".to_owned()]),
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Degraded, "/proc/schedstat", failure)
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
    fn all_three_ends() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.kernel.schedstat = Observed::Known(false);
        expect(&RULE, &facts, Outcome::Fail, Reason::SchedstatMissing);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
