//! Rules about a node: one a file, each with all three ends.

mod bpffs_foreign;
mod bpffs_mounted;
mod bpffs_stacked;
mod btf_available;
mod btf_readable;
mod cgroup_v2;
mod config_disagrees;
mod default_qdisc;
mod ipv6;
mod jit_enabled;
mod jit_harden;
mod kernel_config;
mod kernel_options;
mod lockdown;
mod lsm_active;
mod modules_loaded;
mod modules_present;
mod perf_event_paranoid;
mod port_ranges;
mod privilege;
mod reverse_path_filter;
mod schedstats;
mod selftests_agree;
mod sources;
mod sysctl;
mod target_known;
mod unprivileged_bpf;
mod version_disagrees;

use super::reason::Reason;
use super::report::{Finding, Outcome, Release, Severity};
use crate::facts::{Facts, Failure};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id in JSON: `btf-available`.
    pub id: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// Asks it.
    pub check: fn(&Case<'_>) -> Answer,
}

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The node.
    pub facts: &'a Facts,
    /// The Cilium release in question.
    pub target: Release,
}

/// How a rule ended: a [`Finding`] without the rule's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its end.
    pub outcome: Outcome,
    /// How much a failure matters.
    pub severity: Severity,
    /// Why.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// What it rests on.
    pub evidence: Vec<String>,
}

impl Answer {
    fn new(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Self {
        let (severity, remedy) = (Severity::Advisory, String::new());
        Self { outcome, severity, reason, message: message.into(), remedy, evidence: Vec::new() }
    }

    /// The rule holds.
    pub fn pass(message: impl Into<String>) -> Self {
        Self::new(Outcome::Pass, Reason::Satisfied, message)
    }

    /// The rule does not hold.
    pub fn fail(severity: Severity, reason: Reason, message: impl Into<String>) -> Self {
        Self { severity, ..Self::new(Outcome::Fail, reason, message) }
    }

    /// The question does not arise.
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self::new(Outcome::NotApplicable, Reason::NotApplicable, message)
    }

    /// Could not tell, because a fact is missing. An unknown matters no less than a failure
    /// would, so it carries that failure's severity.
    pub fn undetermined(severity: Severity, reason: Reason, message: impl Into<String>) -> Self {
        Self { severity, ..Self::new(Outcome::Undetermined, reason, message) }
    }

    /// Could not tell, because looking failed.
    pub fn failed_look(severity: Severity, what: &str, failure: &Failure) -> Self {
        Self::undetermined(severity, failure.cause.into(), format!("{what} could not be read"))
            .evidence([failure.detail.clone()])
            .remedy("Give the process the rights or mounts that the evidence names.")
    }

    /// What to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What it rests on.
    #[must_use]
    pub fn evidence(mut self, sentences: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(sentences);
        self
    }

    /// The finding of the rule with this id.
    pub fn finding(self, rule: &str) -> Finding {
        let Self { outcome, severity, reason, message, remedy, evidence } = self;
        let rule = rule.to_owned();
        Finding { rule, outcome, severity, reason, message, remedy, evidence, value: None }
    }
}

/// All rules, in the order they are told.
pub const RULES: &[Rule] = &[
    target_known::RULE,
    privilege::RULE,
    btf_available::RULE,
    btf_readable::RULE,
    jit_enabled::RULE,
    jit_harden::RULE,
    bpffs_mounted::RULE,
    bpffs_foreign::RULE,
    bpffs_stacked::RULE,
    cgroup_v2::RULE,
    kernel_config::RULE,
    kernel_options::RULE,
    modules_present::RULE,
    modules_loaded::RULE,
    lockdown::RULE,
    lsm_active::RULE,
    unprivileged_bpf::RULE,
    perf_event_paranoid::RULE,
    port_ranges::RULE,
    reverse_path_filter::RULE,
    default_qdisc::RULE,
    ipv6::RULE,
    schedstats::RULE,
    selftests_agree::RULE,
    config_disagrees::RULE,
    version_disagrees::RULE,
    sources::RULE,
];

/// Asks whether NodePorts and ephemeral ports meet, which a value can make fatal.
pub fn port_ranges(facts: &Facts, target: Release) -> Answer {
    (port_ranges::RULE.check)(&Case { facts, target })
}

/// Asks every rule.
pub fn findings(case: &Case<'_>) -> Vec<Finding> {
    RULES.iter().map(|it| (it.check)(case).finding(it.id)).collect()
}

#[cfg(test)]
mod test {
    use super::*;
    use crate::judge::releases;

    /// Asks one rule for the newest release and compares outcome and reason.
    #[track_caller]
    pub(super) fn expect(rule: &Rule, facts: &Facts, outcome: Outcome, reason: Reason) -> Answer {
        expect_for(releases::NEWEST, rule, facts, outcome, reason)
    }

    /// The same for one release.
    #[track_caller]
    pub(super) fn expect_for(
        target: Release,
        rule: &Rule,
        facts: &Facts,
        outcome: Outcome,
        reason: Reason,
    ) -> Answer {
        let answer = (rule.check)(&Case { facts, target });
        assert_eq!((answer.outcome, answer.reason), (outcome, reason), "{answer:#?}");
        if outcome == Outcome::Fail {
            assert!(!answer.remedy.is_empty(), "a failure names its remedy: {answer:#?}");
            assert!(!answer.evidence.is_empty(), "a failure names its evidence: {answer:#?}");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{releases, sample};

    #[test]
    fn ids_are_unique_and_sources_are_links() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|it| it.id == rule.id).count(), 1, "{}", rule.id);
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
        }
    }

    #[test]
    fn a_good_host_fails_nothing() {
        let facts = sample::kernel(6, 12);
        for it in findings(&Case { facts: &facts, target: releases::NEWEST }) {
            assert!(matches!(it.outcome, Outcome::Pass | Outcome::NotApplicable), "{it:#?}");
        }
    }

    #[test]
    fn nothing_passes_or_fails_where_nothing_is_known() {
        let facts = sample::unknown();
        for it in findings(&Case { facts: &facts, target: releases::NEWEST }) {
            let asks_no_fact = ["target-known", "sources-answered"].contains(&it.rule.as_str());
            assert!(it.outcome == Outcome::Undetermined || asks_no_fact, "{it:#?}");
        }
    }
}
