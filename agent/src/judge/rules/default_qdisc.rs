//! Rule `default-qdisc-readable`: `net.core.default_qdisc` can be read, which Cilium's bandwidth
//! manager does before it writes it.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "default-qdisc-readable",
    source: "https://github.com/cilium/cilium/blob/v1.18.0/pkg/datapath/linux/bandwidth/bandwidth.go",
    check,
};

const NAME: &str = "net.core.default_qdisc";

fn check(case: &Case<'_>) -> Answer {
    match sysctl::read(case, NAME, Severity::Degraded) {
        Err(answer) => answer,
        Ok(Some(value)) => Answer::pass(format!("{NAME} is {value}")),
        Ok(None) => Answer::fail(
            Severity::Degraded,
            Reason::SysctlMissing,
            "Cilium would switch its bandwidth manager off",
        )
        .remedy("Use a kernel with CONFIG_NET_SCHED=y, and the host's /proc/sys/net.")
        .evidence([format!("this kernel has no {NAME}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::Observed;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn a_kernel_without_it_fails_and_silence_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.security.sysctls.insert(NAME.into(), Observed::Known(None));
        expect(&RULE, &facts, Outcome::Fail, Reason::SysctlMissing);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}
