//! Facts in, verdict out. Total and pure: no I/O, clock, log, environment, async, `kube`, `aya`.
//!
//! The order of things: [`requirement`] asks the facts one question; [`releases`] and [`features`]
//! are tables of such questions; [`rules`] look at the node's set-up; [`values`] asks what a given
//! configuration wants of this node.

pub mod cluster;
pub mod datapath;
mod ebpf;
pub mod features;
pub mod history;
pub mod primitives;
pub mod reason;
pub mod release;
pub mod releases;
pub mod report;
pub mod requirement;
pub mod rules;
#[cfg(test)]
mod sample;
mod start;
pub mod values;

use std::collections::BTreeMap;

use crate::facts::Facts;
pub use cluster::ClusterReport;
use features::Target;
use releases::Ended;
pub use report::NodeReport;
use report::{CiliumVerdict, Finding, Outcome, Release, Severity, Ternary, Verdict};
use rules::Case;

/// What the one who asks wants to know.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The Cilium release in question; `None`: the one that runs here, else the newest known.
    pub target: Option<Release>,
    /// The Cilium configuration in question, if one is given.
    pub values: Option<values::Values>,
}

/// Judges one look at a host.
pub fn judge(facts: Facts, policy: &Policy) -> NodeReport {
    let running = datapath::running(&facts);
    let target = policy.target.or_else(|| known(running)).unwrap_or(releases::NEWEST);
    let detected = datapath::detect(&facts);
    let ended = releases::ask(&facts);
    let mut rules = rules::findings(&Case { facts: &facts, target });
    rules.extend(datapath::findings(&detected.datapath));
    let mut cilium = cilium(&facts, &ended, &rules, target);
    if let Some(values) = &policy.values {
        with_values(&mut cilium, values, &facts);
    }
    with_readiness(&mut cilium, &detected.cilium, running);
    let runs_here = newest_that_runs(&cilium.releases);
    let mut findings = start::findings(&ended, target, runs_here);
    findings.extend(rules);
    let verdict = Verdict {
        ebpf: ebpf::ebpf(&facts),
        datapath: detected.datapath,
        service_proxy: detected.proxy,
        cilium,
        findings,
    };
    NodeReport::new(facts, verdict)
}

/// A release of which something is known.
fn known(release: Option<Release>) -> Option<Release> {
    release.filter(|it| releases::KNOWN.contains(it))
}

/// Adds whether Cilium runs here, healthy. The question is about what runs: the kernel must carry
/// that release, and the target only where the agent does not say which one it is.
fn with_readiness(
    cilium: &mut CiliumVerdict,
    signs: &datapath::ready::Signs,
    running: Option<Release>,
) {
    let capable = known(running).and_then(|it| cilium.releases.get(&it).copied());
    let readiness = datapath::ready::readiness(signs, capable.unwrap_or(cilium.capable));
    cilium.running = running;
    cilium.ready = readiness.ready;
    cilium.ready_why = Some(readiness.why);
    cilium.ready_remedy = readiness.remedy;
}

/// What Cilium would find here. A rule that blocks counts against every release; so a target is
/// capable exactly if its entry among the releases is, and the given values do not stop it.
fn cilium(facts: &Facts, ended: &[Ended], rules: &[Finding], target: Release) -> CiliumVerdict {
    let node = worst(rules.iter().map(against));
    let judge = |release| worst([releases::verdict(ended, release), node]);
    let releases: BTreeMap<Release, Ternary> =
        releases::KNOWN.into_iter().map(|it| (it, judge(it))).collect();
    CiliumVerdict {
        target,
        capable: judge(target),
        ready: Ternary::Unknown,
        ready_why: None,
        ready_remedy: String::new(),
        running: None,
        blockers: blockers(&releases, ended, rules),
        releases,
        features: features::verdicts(facts, Target { release: target, ended }),
        values: Vec::new(),
        values_not_judged: Vec::new(),
    }
}

/// Adds what the given values ask of this node; one that stops Cilium makes it not capable.
fn with_values(cilium: &mut CiliumVerdict, values: &values::Values, facts: &Facts) {
    cilium.values = values::findings(values, facts, cilium.target);
    cilium.values_not_judged = values.not_judged.clone();
    cilium.capable = worst(cilium.values.iter().map(against).chain([cilium.capable]));
}

/// What one finding says against starting Cilium at all.
fn against(finding: &Finding) -> Ternary {
    match (finding.severity, finding.outcome) {
        (Severity::Blocking, Outcome::Fail) => Ternary::No,
        (Severity::Blocking, Outcome::Undetermined) => Ternary::Unknown,
        (Severity::Blocking, Outcome::Pass | Outcome::NotApplicable)
        | (Severity::Degraded | Severity::Advisory, _) => Ternary::Yes,
    }
}

/// No if one is no, else unknown if one is unknown, else yes.
fn worst(ends: impl IntoIterator<Item = Ternary>) -> Ternary {
    ends.into_iter().fold(Ternary::Yes, |sum, it| match (sum, it) {
        (Ternary::No, _) | (_, Ternary::No) => Ternary::No,
        (Ternary::Unknown, _) | (_, Ternary::Unknown) => Ternary::Unknown,
        (Ternary::Yes, Ternary::Yes) => Ternary::Yes,
    })
}

fn blockers(
    releases: &BTreeMap<Release, Ternary>,
    ended: &[Ended],
    rules: &[Finding],
) -> BTreeMap<Release, Vec<String>> {
    let node = rules.iter().filter(|it| against(it) != Ternary::Yes).map(|it| &it.rule);
    let open = releases.iter().filter(|(_, verdict)| **verdict != Ternary::Yes);
    open.map(|(release, _)| {
        let ids = releases::blockers(ended, *release).into_iter().chain(node.clone().cloned());
        (*release, ids.collect())
    })
    .collect()
}

fn newest_that_runs(releases: &BTreeMap<Release, Ternary>) -> Option<Release> {
    releases.iter().rev().find(|(_, it)| **it == Ternary::Yes).map(|(release, _)| *release)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observed;
    use report::{Extent, FeatureStatus};

    fn judged(facts: Facts, target: Option<Release>) -> Verdict {
        judge(facts, &Policy { target, ..Policy::default() }).verdict
    }

    #[test]
    fn the_target_is_the_newest_unless_one_is_named() {
        let verdict = judged(sample::kernel(5, 4), None);
        assert_eq!(
            (verdict.cilium.target, verdict.cilium.capable),
            (releases::NEWEST, Ternary::No)
        );
        let verdict = judged(sample::kernel(5, 4), Some(Release::one(17)));
        assert_eq!(verdict.cilium.capable, Ternary::Yes);
        assert_eq!(verdict.cilium.ready, Ternary::Unknown);
    }

    #[test]
    fn what_stops_a_release_is_named() {
        let verdict = judged(sample::kernel(5, 4), None);
        let ids = &verdict.cilium.blockers[&Release::one(18)];
        assert_eq!(ids, &["requires-csum-level", "requires-redirect-neigh-peer"]);
        assert!(!verdict.cilium.blockers.contains_key(&Release::one(17)));
        for id in ids {
            assert!(verdict.findings.iter().any(|it| it.rule == *id), "{id}");
        }
    }

    #[test]
    fn a_node_that_stops_every_release_says_so_everywhere() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(mounts) = &mut facts.mounts.bpffs {
            mounts.push(mounts[0].clone());
        }
        let cilium = judged(facts, None).cilium;
        assert_eq!(cilium.capable, Ternary::No);
        for (release, verdict) in &cilium.releases {
            assert_eq!(*verdict, Ternary::No);
            assert_eq!(cilium.blockers[release], ["bpffs-not-stacked"]);
        }
    }

    #[test]
    fn an_unknown_release_is_neither_capable_nor_not() {
        let verdict = judged(sample::kernel(6, 12), Some(Release::one(40)));
        assert_eq!(verdict.cilium.capable, Ternary::Unknown);
        assert_eq!(verdict.cilium.releases[&releases::NEWEST], Ternary::Yes);
    }

    #[test]
    fn a_value_that_stops_cilium_makes_a_capable_node_incapable() {
        let text = "kubeProxyReplacement: true\nloadBalancer:\n  acceleration: native\nfoo: 1\n";
        let asked = |text| Policy { target: None, values: Some(values::parse(text).unwrap()) };
        let cilium = judge(sample::kernel(6, 12), &asked(text)).verdict.cilium;
        assert_eq!(cilium.capable, Ternary::No);
        assert_eq!(cilium.releases[&releases::NEWEST], Ternary::Yes);
        assert_eq!(cilium.values_not_judged, ["foo"]);
        let best = text.replace("native", "best-effort");
        let cilium = judge(sample::kernel(6, 12), &asked(&best)).verdict.cilium;
        assert_eq!(cilium.capable, Ternary::Yes);
    }

    /// The property behind every verdict: from nothing follows nothing.
    #[test]
    fn with_every_fact_unknown_nothing_is_yes_and_nothing_is_no() {
        let verdict = judged(sample::unknown(), None);
        let ebpf = &verdict.ebpf;
        for extent in [ebpf.status, ebpf.datapath, ebpf.tracing, ebpf.lsm] {
            assert_eq!(extent, Extent::Unknown);
        }
        assert_eq!(verdict.cilium.capable, Ternary::Unknown);
        assert!(verdict.cilium.releases.values().all(|it| *it == Ternary::Unknown));
        let features = verdict.cilium.features.values();
        assert!(features.clone().all(|it| it.status == FeatureStatus::Unknown));
        for it in &verdict.findings {
            let asks_no_fact = ["target-known", "sources-answered"].contains(&it.rule.as_str());
            assert!(it.outcome == Outcome::Undetermined || asks_no_fact, "{it:?}");
        }
    }

    #[test]
    fn the_report_survives_json() {
        let report = judge(sample::kernel(6, 12), &Policy::default());
        let json = serde_json::to_string(&report).unwrap();
        let back: NodeReport = serde_json::from_str(&json).unwrap();
        assert_eq!(back, report);
        assert!(json.contains(r#""cni":"unknown""#) && json.contains(r#""capable":"yes""#));
    }
}
