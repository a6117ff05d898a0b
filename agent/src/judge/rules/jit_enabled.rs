//! Rule `jit-enabled`: programs run as machine code. Cilium 1.19 and later do not start otherwise
//! (`requires-jit`); earlier ones run slowly.

use super::{Answer, Case, Rule};
use crate::facts::bpf::Feature;
use crate::judge::reason::Reason;
use crate::judge::report::{Severity, Ternary};
use crate::judge::requirement::Requirement;

pub(super) const RULE: Rule = Rule {
    id: "jit-enabled",
    source: "https://docs.kernel.org/admin-guide/sysctl/net.html#bpf-jit-enable",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    let met = Requirement::Bpf(Feature::Jit).met_by(case.facts);
    match met.holds {
        Ternary::Yes => Answer::pass("programs are compiled to machine code"),
        Ternary::No => Answer::fail(Severity::Degraded, Reason::JitOff, "programs are interpreted")
            .remedy("sysctl -w net.core.bpf_jit_enable=1, or a kernel with CONFIG_BPF_JIT=y.")
            .evidence(met.evidence),
        Ternary::Unknown => Answer::undetermined(
            Severity::Degraded,
            met.reason,
            "whether programs are compiled is open",
        )
        .evidence(met.evidence),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::bpf::{Because, Support};
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn an_interpreter_fails() {
        let mut facts = sample::kernel(6, 12);
        let off = Support::unsupported(Because::SwitchedOff, "jited_prog_len is 0");
        facts.bpf.features.insert(Feature::Jit, off);
        expect(&RULE, &facts, Outcome::Fail, Reason::JitOff);
    }

    #[test]
    fn a_compiler_passes_and_silence_is_unknown() {
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::no_capabilities(), Outcome::Undetermined, Reason::NotProbed);
    }
}
