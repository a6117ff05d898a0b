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
    match fail_on {
        FailOn::Never => Answer::Yes,
        FailOn::Error => graded(Grade::Error).into(),
        FailOn::Warning => graded(Grade::Warning).into(),
        FailOn::Incapable => worst(eligible().map(|it| it.cilium_capable)).into(),
        FailOn::NotReady => worst(eligible().map(|it| it.cilium_ready)).into(),
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
