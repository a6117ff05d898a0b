//! Rule `selftests-agree`: what the kernel lets a program call also does what it should.

use super::{Answer, Case, Rule};
use crate::facts::bpf::{Because, Support};
use crate::facts::selftest::Selftest;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;
use crate::judge::requirement::Requirement;

pub(super) const RULE: Rule =
    Rule { id: "selftests-agree", source: "https://docs.kernel.org/bpf/bpf_prog_run.html", check };

/// Self-tests that need nothing but this helper of sched_cls programs. The flags of
/// `bpf_fib_lookup` and the MAC mode of `bpf_skb_adjust_room` are younger than their helpers.
const BY_HELPER: &[(Selftest, &str)] = &[
    (Selftest::CsumLevel, "csum_level"),
    (Selftest::FibLookup, "fib_lookup"),
    (Selftest::Redirect, "redirect"),
    (Selftest::RedirectNeigh, "redirect_neigh"),
    (Selftest::RedirectPeer, "redirect_peer"),
    (Selftest::SkbEcnSetCe, "skb_ecn_set_ce"),
    (Selftest::SkAssign, "sk_assign"),
];

fn check(case: &Case<'_>) -> Answer {
    let tests = &case.facts.selftests;
    let failed: Vec<String> = tests
        .iter()
        .filter(|(test, support)| contradicts(case, **test, support))
        .flat_map(|(test, _)| Requirement::Selftest(*test).met_by(case.facts).evidence)
        .collect();
    if !failed.is_empty() {
        return Answer::fail(
            Severity::Degraded,
            Reason::SelftestFailed,
            "helpers are there and do not do what they should",
        )
        .remedy("Report it to whoever builds this kernel, with this evidence.")
        .evidence(failed);
    }
    let ran = tests.values().filter(|it| !matches!(it, Support::Unknown(_))).count();
    if ran == 0 {
        return Answer::undetermined(Severity::Degraded, Reason::NotProbed, "no self-test ran")
            .remedy("Run with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.");
    }
    Answer::pass(format!("{ran} self-tests ran, none contradicts the kernel's word"))
}

fn contradicts(case: &Case<'_>, test: Selftest, support: &Support) -> bool {
    let Support::Unsupported(absence) = support else { return false };
    absence.because == Because::WrongResult
        || BY_HELPER.iter().any(|(of, helper)| {
            *of == test && case.facts.bpf.helper("sched_cls", helper) == Support::Supported
        })
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn a_helper_that_is_there_and_does_the_wrong_thing_fails() {
        let mut facts = sample::kernel(6, 12);
        let wrong = Support::unsupported(Because::WrongResult, "returned -22");
        facts.selftests.insert(Selftest::AdjustRoomMac, wrong);
        expect(&RULE, &facts, Outcome::Fail, Reason::SelftestFailed);
    }

    #[test]
    fn a_self_test_without_its_helper_contradicts_nothing() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "EINVAL");
        facts.selftests.insert(Selftest::CsumLevel, no);
        expect(&RULE, &facts, Outcome::Fail, Reason::SelftestFailed);
        sample::lose_helper(&mut facts, "sched_cls", "csum_level", Because::NotInKernel);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
    }

    /// 6.1 has `bpf_fib_lookup` and none of the younger flags.
    #[test]
    fn younger_flags_contradict_nothing() {
        expect(&RULE, &sample::kernel(6, 1), Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::no_capabilities(), Outcome::Undetermined, Reason::NotProbed);
    }
}
