//! Rule `version-disagrees`: the kernel has what its version promises, and no more. Where it does
//! not, the kernel's answers count and the version explains nothing.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::history::{FIRST, Since};
use crate::judge::reason::Reason;
use crate::judge::report::{Severity, Ternary};

pub(super) const RULE: Rule = Rule {
    id: "version-disagrees",
    source: "https://github.com/cilium/cilium/issues/34491",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    let uname = match &case.facts.kernel.uname {
        Observed::Known(uname) => uname,
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "the kernel's version", failure);
        }
    };
    let release = &uname.release;
    let Some(running) = uname.major_minor() else {
        let message = format!("{release:?} does not begin with two numbers");
        return Answer::undetermined(Severity::Advisory, Reason::Malformed, message);
    };
    let mut answers = Answers::default();
    for row in FIRST.iter().filter(|it| it.concerns(&uname.machine)) {
        answers.add(row, running, row.needs.met_by(case.facts).holds);
    }
    answers.told(release)
}

/// What the comparison of all rows found.
#[derive(Default)]
struct Answers {
    compared: usize,
    back_ported: Vec<String>,
    missing: Vec<String>,
}

impl Answers {
    fn add(&mut self, row: &Since, running: (u32, u32), holds: Ternary) {
        let (major, minor) = row.first;
        let promised = running >= row.first;
        match (holds, promised) {
            (Ternary::Unknown, _) => return,
            (Ternary::Yes, false) => self
                .back_ported
                .push(format!("back-ported: {} (Linux has it since {major}.{minor})", row.name)),
            (Ternary::No, true) => self.missing.push(format!(
                "compiled out or switched off: {} (Linux has it since {major}.{minor})",
                row.name
            )),
            (Ternary::Yes, true) | (Ternary::No, false) => {}
        }
        self.compared += 1;
    }

    fn told(self, release: &str) -> Answer {
        let Self { compared, back_ported, missing } = self;
        if compared == 0 {
            let message = "the kernel answered nothing to compare with";
            return Answer::undetermined(Severity::Advisory, Reason::NotProbed, message);
        }
        if missing.is_empty() && back_ported.is_empty() {
            return Answer::pass(format!("{release} has what Linux of its version has"));
        }
        let reason = if missing.is_empty() { Reason::BackPorted } else { Reason::CompiledOut };
        Answer::fail(Severity::Advisory, reason, message(release, &back_ported, &missing))
        .remedy("Nothing to do: every verdict here rests on what the kernel did, not on its version.")
        .evidence(missing.into_iter().chain(back_ported))
    }
}

fn message(release: &str, back_ported: &[String], missing: &[String]) -> String {
    let more = back_ported.len();
    let less = missing.len();
    match (more, less) {
        (_, 0) => format!("{release} has abilities that its version does not promise: {more}"),
        (0, _) => format!("{release} lacks abilities that its version promises: {less}"),
        _ => format!(
            "{release} has abilities that its version does not promise ({more}), and lacks some \
             that it does ({less})"
        ),
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
    fn upstream_kernels_agree_with_their_version() {
        for (major, minor) in [(4, 19), (5, 4), (5, 10), (5, 15), (6, 1), (6, 6), (6, 12)] {
            let facts = sample::kernel(major, minor);
            expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        }
    }

    #[test]
    fn rhel_8_carries_back_ports() {
        let answer = expect(&RULE, &sample::rhel_8(), Outcome::Fail, Reason::BackPorted);
        let told = answer.evidence.iter().any(|it| it.contains("5.10") && it.starts_with("back"));
        assert!(told, "{:?}", answer.evidence);
    }

    #[test]
    fn a_new_kernel_without_netkit_had_it_compiled_out() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "EINVAL");
        facts.bpf.link_types.insert("netkit".into(), no);
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::CompiledOut);
        assert_eq!(answer.evidence.len(), 1, "{:?}", answer.evidence);
        assert!(answer.evidence[0].contains("netkit"));
    }

    /// Trampolines came to arm64 later than to x86-64: 6.1 on Graviton does not lie.
    #[test]
    fn arm64_is_held_to_its_own_dates() {
        expect(&RULE, &sample::arm64_6_1(), Outcome::Pass, Reason::Satisfied);
    }

    #[test]
    fn silence_is_unknown() {
        expect(&RULE, &sample::no_capabilities(), Outcome::Undetermined, Reason::NotProbed);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
