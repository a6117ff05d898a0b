//! Rule `btf-available`: the kernel carries its own type information.
//!
//! Documented as required since about August 2026 (1.20), recommended before: Cilium's socket
//! termination and every CO-RE program need it. No start-up probe asks for it, so it never blocks.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::releases::NEWEST;
use crate::judge::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "btf-available", source: "https://docs.kernel.org/bpf/btf.html", check };

fn check(case: &Case<'_>) -> Answer {
    let severity = if case.target >= NEWEST { Severity::Degraded } else { Severity::Advisory };
    let btf = match &case.facts.btf {
        Observed::Known(btf) => btf,
        Observed::Unknown(failure) => {
            return Answer::failed_look(severity, "/sys/kernel/btf/vmlinux", failure);
        }
    };
    match &btf.vmlinux {
        Some(it) => Answer::pass(format!("/sys/kernel/btf/vmlinux has {} types", it.types)),
        None => {
            Answer::fail(severity, Reason::BtfMissing, "the kernel carries no type information")
                .remedy("Use a kernel built with CONFIG_DEBUG_INFO_BTF=y.")
                .evidence(["there is no /sys/kernel/btf/vmlinux".to_owned(), words(case)])
        }
    }
}

fn words(case: &Case<'_>) -> String {
    let target = case.target;
    if target >= NEWEST {
        return format!("the documents of Cilium {target} ask for it");
    }
    format!("recommended for Cilium {target}, asked for by {NEWEST}")
}

#[cfg(test)]
mod tests {
    use super::super::test::{expect, expect_for};
    use super::*;
    use crate::judge::report::{Outcome, Release};
    use crate::judge::sample;

    #[test]
    fn a_kernel_without_btf_fails_and_blocks_nothing() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(btf) = &mut facts.btf {
            btf.vmlinux = None;
        }
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::BtfMissing);
        assert_eq!(answer.severity, Severity::Degraded);
        let old = Release::one(19);
        let answer = expect_for(old, &RULE, &facts, Outcome::Fail, Reason::BtfMissing);
        assert_eq!(answer.severity, Severity::Advisory);
    }

    #[test]
    fn an_unreadable_btf_file_settles_nothing() {
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
    }
}
