//! Rule `jit-harden-hides-instructions`: hardening does not hide translated instructions from
//! Cilium's probe for dead-code elimination.
//!
//! `net.core.bpf_jit_harden=2` blinds every program and, with `kernel.kptr_restrict` and without
//! CAP_SYSLOG, the kernel hides the instructions of a blinded program. Cilium 1.18 then says that
//! the kernel is older than 5.1 and stops (cilium#44967, #42361, #44999, cilium/ebpf#1858).
//! 1.19 and later hold CAP_SYSLOG.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::{Release, Severity};

pub(super) const RULE: Rule = Rule {
    id: "jit-harden-hides-instructions",
    source: "https://github.com/cilium/cilium/issues/44967",
    check,
};

const HARDEN: &str = "net.core.bpf_jit_harden";
const RESTRICT: &str = "kernel.kptr_restrict";

fn check(case: &Case<'_>) -> Answer {
    let (harden, restrict) = (value(case, HARDEN), value(case, RESTRICT));
    match (&harden, &restrict) {
        (Ok(harden), _) if harden != "2" => Answer::pass(format!(
            "{HARDEN} is {harden}: programs of capable processes are not blinded"
        )),
        (_, Ok(restrict)) if restrict == "0" => {
            Answer::pass(format!("{RESTRICT} is 0: nothing is hidden"))
        }
        (Ok(_), Ok(restrict)) => hides(case, restrict),
        (Err(unknown), _) | (_, Err(unknown)) => unknown.clone(),
    }
}

fn hides(case: &Case<'_>, restrict: &str) -> Answer {
    let target = case.target;
    let crashes = target == Release::one(18);
    let severity = if crashes { Severity::Degraded } else { Severity::Advisory };
    let message = if crashes {
        format!("Cilium {target} may stop at start here, claiming that Linux 5.1 is needed")
    } else {
        "translated instructions are hidden from processes without CAP_SYSLOG".to_owned()
    };
    Answer::fail(severity, Reason::JitHardenHidesInstructions, message)
        .remedy(format!(
            "sysctl -w {HARDEN}=1 (or {RESTRICT}=0), or give the agent CAP_SYSLOG; Cilium 1.19 has it."
        ))
        .evidence([format!("{HARDEN} = 2"), format!("{RESTRICT} = {restrict}")])
}

fn value(case: &Case<'_>, name: &str) -> Result<String, Answer> {
    // Without the sysctl the kernel has no such hardening.
    sysctl::read(case, name, Severity::Advisory).map(|it| it.unwrap_or("0").to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::test::{expect, expect_for};
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    const HIDDEN: Reason = Reason::JitHardenHidesInstructions;

    #[test]
    fn the_trap_of_1_18_is_told_with_its_remedy() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, HARDEN, "2");
        sample::set_sysctl(&mut facts, RESTRICT, "1");
        let answer = expect_for(Release::one(18), &RULE, &facts, Outcome::Fail, HIDDEN);
        assert_eq!(answer.severity, Severity::Degraded);
        assert!(answer.message.contains("may stop at start"));
        let answer = expect(&RULE, &facts, Outcome::Fail, HIDDEN);
        assert_eq!(answer.severity, Severity::Advisory);
    }

    #[test]
    fn both_are_needed_for_the_trap() {
        for (harden, restrict) in [("2", "0"), ("1", "2"), ("0", "1")] {
            let mut facts = sample::kernel(6, 12);
            sample::set_sysctl(&mut facts, HARDEN, harden);
            sample::set_sysctl(&mut facts, RESTRICT, restrict);
            expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        }
    }

    #[test]
    fn a_sysctl_that_only_root_reads_settles_nothing() {
        let mut facts = sample::kernel(6, 12);
        facts.security.sysctls.remove(HARDEN);
        sample::set_sysctl(&mut facts, RESTRICT, "1");
        expect(&RULE, &facts, Outcome::Undetermined, Reason::NotProbed);
    }
}
