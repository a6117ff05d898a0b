//! Rule `target-known`: the requirements of the release in question are known. The verdict about
//! an unknown release is unknown by itself, so this speaks against no other.

use super::{Answer, Case, Rule};
use crate::judge::reason::Reason;
use crate::judge::releases::{KNOWN, NEWEST};
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "target-known",
    source: "https://docs.cilium.io/en/stable/operations/system_requirements/",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    let target = case.target;
    if KNOWN.contains(&target) {
        return Answer::pass(format!("the requirements of Cilium {target} are known"));
    }
    let message = format!("nothing is known of the requirements of Cilium {target}");
    Answer::undetermined(Severity::Advisory, Reason::ReleaseUnknown, message)
        .remedy(format!("Ask for a release from {} to {NEWEST}.", KNOWN[0]))
        .evidence([format!("known: {} to {NEWEST}", KNOWN[0])])
}

#[cfg(test)]
mod tests {
    use super::super::test::expect_for;
    use super::*;
    use crate::judge::report::{Outcome, Release};
    use crate::judge::sample;

    #[test]
    fn a_release_of_the_future_is_undetermined() {
        let facts = sample::kernel(6, 12);
        let unknown = Reason::ReleaseUnknown;
        expect_for(Release::one(21), &RULE, &facts, Outcome::Undetermined, unknown);
        expect_for(Release::one(12), &RULE, &facts, Outcome::Undetermined, unknown);
        expect_for(Release::one(13), &RULE, &facts, Outcome::Pass, Reason::Satisfied);
    }
}
