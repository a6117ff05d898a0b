//! Rule `unprivileged-bpf-disabled`: only capable processes load BPF programs.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unprivileged-bpf-disabled",
    source: "https://docs.kernel.org/admin-guide/sysctl/kernel.html#unprivileged-bpf-disabled",
    check,
};

const NAME: &str = "kernel.unprivileged_bpf_disabled";

fn check(case: &Case<'_>) -> Answer {
    match sysctl::read(case, NAME, Severity::Advisory) {
        Err(answer) => answer,
        Ok(None) => Answer::not_applicable(format!("this kernel has no {NAME}")),
        Ok(Some("0")) => Answer::fail(
            Severity::Advisory,
            Reason::UnprivilegedBpfAllowed,
            "any user may load BPF programs",
        )
        .remedy(format!("sysctl -w {NAME}=2"))
        .evidence([format!("{NAME} = 0")]),
        Ok(Some(value @ ("1" | "2"))) => Answer::pass(format!("{NAME} is {value}")),
        Ok(Some(value)) => sysctl::malformed(NAME, "0, 1 or 2", value, Severity::Advisory),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn zero_fails_one_and_two_pass() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, NAME, "0");
        expect(&RULE, &facts, Outcome::Fail, Reason::UnprivilegedBpfAllowed);
        for value in ["1", "2"] {
            sample::set_sysctl(&mut facts, NAME, value);
            expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        }
        sample::set_sysctl(&mut facts, NAME, "yes");
        expect(&RULE, &facts, Outcome::Undetermined, Reason::Malformed);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}
