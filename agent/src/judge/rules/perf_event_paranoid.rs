//! Rule `perf-event-paranoid`: the kernel's own limits of perf_event_open(2) apply. Debian's and
//! Ubuntu's further levels refuse it to everyone without CAP_PERFMON or CAP_SYS_ADMIN.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "perf-event-paranoid",
    source: "https://docs.kernel.org/admin-guide/sysctl/kernel.html#perf-event-paranoid",
    check,
};

const NAME: &str = "kernel.perf_event_paranoid";

fn check(case: &Case<'_>) -> Answer {
    let value = match sysctl::read(case, NAME, Severity::Advisory) {
        Err(answer) => return answer,
        Ok(None) => return Answer::not_applicable("this kernel has no perf events"),
        Ok(Some(value)) => value,
    };
    match value.parse::<i32>() {
        Ok(level) if level <= 2 => Answer::pass(format!("{NAME} is {level}")),
        Ok(level) => Answer::fail(
            Severity::Advisory,
            Reason::PerfEventParanoid,
            "only processes with CAP_PERFMON or CAP_SYS_ADMIN use perf events",
        )
        .remedy(
            "Give tracing tools CAP_PERFMON; on some kernels of Debian and Ubuntu, CAP_SYS_ADMIN.",
        )
        .evidence([format!("{NAME} = {level}, the kernel's own levels end at 2")]),
        Err(_) => sysctl::malformed(NAME, "a number", value, Severity::Advisory),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn levels_beyond_the_kernels_own_fail() {
        let mut facts = sample::kernel(6, 12);
        for value in ["-1", "0", "2"] {
            sample::set_sysctl(&mut facts, NAME, value);
            expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        }
        for value in ["3", "4"] {
            sample::set_sysctl(&mut facts, NAME, value);
            expect(&RULE, &facts, Outcome::Fail, Reason::PerfEventParanoid);
        }
        sample::set_sysctl(&mut facts, NAME, "");
        expect(&RULE, &facts, Outcome::Undetermined, Reason::Malformed);
    }
}
