//! Rule `kernel-config-readable`: there is a kernel configuration, and it is this kernel's.

use super::{Answer, Case, Rule};
use crate::facts::{Cause, Observed};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "kernel-config-readable",
    source: "https://github.com/cilium/cilium/issues/14314",
    check,
};

const REMEDY: &str = "Use a kernel with CONFIG_IKCONFIG_PROC=y, or make /boot/config-$(uname -r) visible; probes decide without it.";

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.config.kconfig {
        Observed::Known(Some(kconfig)) => Answer::pass(format!("read from {}", kconfig.path)),
        Observed::Known(None) => Answer::fail(
            Severity::Advisory,
            Reason::KernelConfigMissing,
            "no kernel configuration found, so it explains nothing",
        )
        .remedy(REMEDY)
        .evidence(["none of the known places has one".to_owned()]),
        Observed::Unknown(failure) if failure.cause == Cause::WrongKernel => Answer::fail(
            Severity::Advisory,
            Reason::KernelConfigForeign,
            "the kernel configuration found is another kernel's, and was not used",
        )
        .remedy(REMEDY)
        .evidence([failure.detail.clone()]),
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Advisory, "the kernel configuration", failure)
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
    fn missing_and_foreign_are_told_apart() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.config.kconfig = Observed::Known(None);
        expect(&RULE, &facts, Outcome::Fail, Reason::KernelConfigMissing);
        facts.config.kconfig = Observed::unknown(Cause::WrongKernel, "6.1.0, running 6.12.0");
        expect(&RULE, &facts, Outcome::Fail, Reason::KernelConfigForeign);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
