//! Rule `ipv6-present`: the kernel has IPv6. Cilium with `ipv6.enabled=true` stops at start
//! without it; the chart's default is false.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "ipv6-present",
    source: "https://github.com/cilium/cilium/blob/v1.18.0/pkg/datapath/linux/requirements.go",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.kernel.ipv6 {
        Observed::Known(true) => Answer::pass("the kernel has IPv6"),
        Observed::Known(false) => Answer::fail(
            Severity::Advisory,
            Reason::Ipv6Absent,
            "Cilium stops at start here with ipv6.enabled=true",
        )
        .remedy("Keep ipv6.enabled=false, or boot without ipv6.disable=1.")
        .evidence(["there is no /proc/net/if_inet6".to_owned()]),
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Advisory, "/proc/net/if_inet6", failure)
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
        facts.kernel.ipv6 = Observed::Known(false);
        expect(&RULE, &facts, Outcome::Fail, Reason::Ipv6Absent);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
