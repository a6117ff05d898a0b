//! Rule `sources-answered`: every source of facts answered as a whole.

use super::{Answer, Case, Rule};
use crate::facts::Cause;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "sources-answered",
    source: "https://man7.org/linux/man-pages/man3/errno.3.html",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    let failed = || {
        let runs = case.facts.sources.iter();
        runs.filter_map(|it| Some((it.source.as_str(), it.failure.as_ref()?)))
    };
    let evidence = failed().map(|(source, failure)| format!("{source}: {}", failure.detail));
    if let Some((source, _)) = failed().find(|(_, it)| it.cause == Cause::Panicked) {
        let message = format!("the source {source} broke: a bug of bpfready");
        return Answer::fail(Severity::Advisory, Reason::SourceFailed, message)
            .remedy("Please report it, with `bpfready record`.")
            .evidence(evidence);
    }
    match failed().next() {
        None => Answer::pass(format!("{} sources answered", case.facts.sources.len())),
        Some((_, failure)) => Answer::undetermined(
            Severity::Advisory,
            failure.cause.into(),
            "some sources could not be read",
        )
        .evidence(evidence),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::{Failure, SourceRun};
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    fn run(source: &str, cause: Option<Cause>) -> SourceRun {
        let failure = cause.map(|it| Failure::new(it, "why"));
        SourceRun { source: source.into(), duration_seconds: 0.0, failure }
    }

    #[test]
    fn a_broken_source_fails_and_a_refused_one_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        facts.sources = vec![run("btf", None)];
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.sources.push(run("nics", Some(Cause::PermissionDenied)));
        expect(&RULE, &facts, Outcome::Undetermined, Reason::PermissionDenied);
        facts.sources.push(run("kconfig", Some(Cause::Panicked)));
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::SourceFailed);
        assert_eq!(answer.evidence, ["nics: why", "kconfig: why"]);
    }
}
