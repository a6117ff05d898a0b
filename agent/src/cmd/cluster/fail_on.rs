//! `--fail-on`: which answer makes the exit code 1.

use clap::ValueEnum;

use crate::cmd::Answer;
use crate::judge::ClusterReport;
use crate::judge::cluster::findings::Grade;
use crate::judge::report::{Outcome, Ternary};

/// What is not to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Nothing: 0 whenever there is a report
    Never,
    /// A finding of grade error
    Error,
    /// A finding of grade error or warning
    Warning,
    /// A node whose platform allows Cilium and that cannot run the target
    Incapable,
    /// A node whose platform allows Cilium and where it does not run, healthy
    NotReady,
    /// That the policy forbids Cilium
    Disabled,
}

/// The answer: no if what is not to be is there, unknown if it may be.
pub(super) fn answer(report: &ClusterReport, fail_on: FailOn) -> Answer {
    let graded = |least: Grade| {
        let counted = report.findings.iter().filter(|it| it.grade >= least);
        worst(counted.map(|it| match it.outcome {
            Outcome::Fail => Ternary::No,
            Outcome::Undetermined => Ternary::Unknown,
            Outcome::Pass | Outcome::NotApplicable => Ternary::Yes,
        }))
    };
    let eligible = || report.nodes.iter().filter(|it| it.allows_cilium);
    // Nodes that could not be listed may be of any kind.
    let unseen = || report.is_unread("nodes").then_some(Ternary::Unknown);
    match fail_on {
        FailOn::Never => Answer::Yes,
        FailOn::Error => graded(Grade::Error).into(),
        FailOn::Warning => graded(Grade::Warning).into(),
        FailOn::Incapable => worst(eligible().map(|it| it.cilium_capable).chain(unseen())).into(),
        FailOn::NotReady => worst(eligible().map(|it| it.cilium_ready).chain(unseen())).into(),
        FailOn::Disabled => report.decision.cilium_enabled.into(),
    }
}

fn worst(all: impl IntoIterator<Item = Ternary>) -> Ternary {
    all.into_iter().fold(Ternary::Yes, |sum, it| match (sum, it) {
        (Ternary::No, _) | (_, Ternary::No) => Ternary::No,
        (Ternary::Unknown, _) | (_, Ternary::Unknown) => Ternary::Unknown,
        (Ternary::Yes, Ternary::Yes) => Ternary::Yes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::cluster::findings::ClusterFinding;
    use crate::judge::cluster::{Measurements, Policy, judge, sample};

    /// A report with nothing but this in it.
    fn report(change: impl FnOnce(&mut ClusterReport)) -> ClusterReport {
        let mut cluster = sample::empty();
        let node = serde_json::json!({"metadata": {"name": "a"}});
        cluster.nodes = crate::facts::Observed::Known(vec![serde_json::from_value(node).unwrap()]);
        let mut report = judge(&cluster, &Measurements::new(), &Policy::default());
        report.findings.clear();
        change(&mut report);
        report
    }

    fn finding(grade: Grade, outcome: Outcome) -> ClusterFinding {
        ClusterFinding {
            rule: "a".into(),
            reason: "A".into(),
            outcome,
            grade,
            message: String::new(),
            remedy: String::new(),
            evidence: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// The answers in the order: never, error, warning.
    #[track_caller]
    fn expect_graded(grade: Grade, outcome: Outcome, wanted: [Answer; 3]) {
        let report = report(|it| it.findings = vec![finding(grade, outcome)]);
        let answers = [FailOn::Never, FailOn::Error, FailOn::Warning].map(|it| answer(&report, it));
        assert_eq!(answers, wanted, "{grade:?} {outcome:?}");
    }

    #[test]
    fn a_finding_counts_from_its_grade_on() {
        use Answer::{No, Unknown, Yes};
        use Outcome::{Fail, NotApplicable, Pass, Undetermined};
        expect_graded(Grade::Info, Fail, [Yes, Yes, Yes]);
        expect_graded(Grade::Warning, Fail, [Yes, Yes, No]);
        expect_graded(Grade::Error, Fail, [Yes, No, No]);
        expect_graded(Grade::Warning, Undetermined, [Yes, Yes, Unknown]);
        expect_graded(Grade::Error, Undetermined, [Yes, Unknown, Unknown]);
        expect_graded(Grade::Error, Pass, [Yes, Yes, Yes]);
        expect_graded(Grade::Error, NotApplicable, [Yes, Yes, Yes]);
    }

    /// What is known to be wrong is told before what may be.
    #[test]
    fn no_wins_over_unknown() {
        let both = [Outcome::Undetermined, Outcome::Fail, Outcome::Undetermined];
        let report = report(|it| it.findings = both.map(|it| finding(Grade::Error, it)).to_vec());
        assert_eq!(answer(&report, FailOn::Error), Answer::No);
    }

    #[test]
    fn nodes_count_where_their_platform_allows_cilium() {
        use Answer::{No, Unknown, Yes};
        for (allowed, value, wanted) in [
            (true, Ternary::Yes, Yes),
            (true, Ternary::No, No),
            (true, Ternary::Unknown, Unknown),
            (false, Ternary::No, Yes),
        ] {
            let told = report(|it| {
                it.nodes[0].allows_cilium = allowed;
                it.nodes[0].cilium_capable = value;
            });
            assert_eq!(answer(&told, FailOn::Incapable), wanted, "{allowed} {value:?}");
            let told = report(|it| {
                it.nodes[0].allows_cilium = allowed;
                it.nodes[0].cilium_ready = value;
            });
            assert_eq!(answer(&told, FailOn::NotReady), wanted, "{allowed} {value:?}");
        }
    }

    #[test]
    fn nodes_that_could_not_be_listed_are_no_yes() {
        let mut cluster = sample::empty();
        let denied = crate::facts::Cause::PermissionDenied;
        cluster.nodes = crate::facts::Observed::unknown(denied, "nodes is forbidden");
        let report = judge(&cluster, &Measurements::new(), &Policy::default());
        for fail_on in [FailOn::Incapable, FailOn::NotReady] {
            assert_eq!(answer(&report, fail_on), Answer::Unknown, "{fail_on:?}");
        }
    }

    #[test]
    fn the_policys_decision_is_the_answer_to_disabled() {
        for (enabled, wanted) in [
            (Ternary::Yes, Answer::Yes),
            (Ternary::No, Answer::No),
            (Ternary::Unknown, Answer::Unknown),
        ] {
            let told = report(|it| it.decision.cilium_enabled = enabled);
            assert_eq!(answer(&told, FailOn::Disabled), wanted);
        }
    }
}
