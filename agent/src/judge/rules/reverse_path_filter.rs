//! Rule `reverse-path-filter`: packets that arrive on another interface than their answer leaves by
//! are not dropped. Cilium's chart writes 0 for its own interfaces (`sysctlfix.enabled`), but
//! the kernel uses the larger of `all` and the interface's own.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "reverse-path-filter",
    source: "https://docs.kernel.org/networking/ip-sysctl.html",
    check,
};

const NAME: &str = "net.ipv4.conf.all.rp_filter";

fn check(case: &Case<'_>) -> Answer {
    match sysctl::read(case, NAME, Severity::Advisory) {
        Err(answer) => answer,
        Ok(None) => Answer::not_applicable(format!("this kernel has no {NAME}")),
        Ok(Some("1")) => Answer::fail(
            Severity::Advisory,
            Reason::ReversePathFilter,
            "strict reverse path filtering drops what pods send another way",
        )
        .remedy(format!(
            "sysctl -w {NAME}=0, or keep the chart's sysctlfix.enabled=true, which writes it."
        ))
        .evidence([format!("{NAME} = 1")]),
        Ok(Some(value @ ("0" | "2"))) => Answer::pass(format!("{NAME} is {value}")),
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
    fn strict_fails_loose_and_off_pass() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, NAME, "1");
        expect(&RULE, &facts, Outcome::Fail, Reason::ReversePathFilter);
        sample::set_sysctl(&mut facts, NAME, "2");
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        sample::set_sysctl(&mut facts, NAME, "x");
        expect(&RULE, &facts, Outcome::Undetermined, Reason::Malformed);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}
