//! Every cluster of `tests/clusters`: its objects, trimmed and judged, compared with `want/`.
//!
//! `BLESS=1 cargo test -p bpfready-tests clusters` rewrites them; the diff is then reviewed.
//! `objects.yaml` is what an API server would say, `measured.yaml` what the agents would,
//! `asked.json` what Terraform's variables ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bpfready::facts::Observed;
use bpfready::facts::cluster::{Cluster, Text};
use bpfready::judge::ClusterReport;
use bpfready::judge::cluster::karpenter::proposal::proposal;
use bpfready::judge::cluster::{Datapaths, Measured, Measurements, Policy, judge};
use bpfready::judge::report::Ternary;
use bpfready::observe::cluster::objects as read;
use bpfready::publish::cluster as publish;
use bpfready_tests::goldens;

/// 2026-11-23T04:22:16Z.
const NOW: u64 = 1_795_407_736;

fn dir() -> PathBuf {
    bpfready_tests::root().join("tests/clusters")
}

fn cases() -> Vec<PathBuf> {
    goldens::cases(&dir())
}

pub(crate) fn documents(case: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(case.join("objects.yaml")).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// The objects among them: an empty list only says that there is none of its kind.
pub(crate) fn objects(documents: &[serde_json::Value]) -> Vec<serde_json::Value> {
    documents.iter().filter(|it| it.get("items").is_none()).cloned().collect()
}

/// The folder of one case.
pub(crate) fn case(name: &str) -> PathBuf {
    dir().join(name)
}

pub(crate) fn cluster(case: &Path) -> Cluster {
    read::cluster(documents(case), "bpfready.io/", NOW).unwrap()
}

fn measurements(case: &Path) -> Measurements {
    let Ok(text) = std::fs::read_to_string(case.join("measured.yaml")) else {
        return Measurements::new();
    };
    let all: BTreeMap<Text, Measured> = serde_saphyr::from_str(&text).unwrap();
    all.into_iter().map(|(node, it)| (node, Observed::Known(it.into()))).collect()
}

fn policy(case: &Path, datapaths: Datapaths) -> Policy {
    let asked = std::fs::read_to_string(case.join("asked.json")).unwrap_or("{}".into());
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    Policy {
        datapaths,
        enable_cilium: asked["enableCilium"].as_bool(),
        enable_fargate: asked["enableFargate"].as_bool(),
        ..Policy::default()
    }
}

fn report(case: &Path, datapaths: Datapaths) -> ClusterReport {
    judge(&cluster(case), &measurements(case), &policy(case, datapaths))
}

fn named(case: &str, datapaths: Datapaths) -> ClusterReport {
    report(&self::case(case), datapaths)
}

/// What is compared: what people see, and what Terraform sees under both policies.
fn views(case: &Path) -> BTreeMap<String, String> {
    let advisory = report(case, Datapaths::Advisory);
    let strict = report(case, Datapaths::StrictClusterWide);
    let text = publish::text::render(&advisory, 120);
    let mut views = BTreeMap::from([
        ("cluster.txt".to_owned(), anstream::adapter::strip_str(&text).to_string()),
        ("cluster.md".to_owned(), publish::markdown::render(&advisory).unwrap()),
        ("advisory.json".to_owned(), publish::terraform::render(&advisory).unwrap()),
        ("strict-cluster-wide.json".to_owned(), publish::terraform::render(&strict).unwrap()),
    ]);
    for pool in &advisory.node_pools {
        let page = publish::nodepool::render(&proposal(&cluster(case), &pool.name)).unwrap();
        views.insert(format!("nodepool-{}.yaml", pool.name), page);
    }
    views
}

#[test]
fn every_cluster_gives_the_report_that_was_reviewed() {
    goldens::compare(&dir(), views);
}

#[test]
fn every_report_reads_back_as_it_was_written() {
    for case in cases() {
        let mut report = report(&case, Datapaths::Advisory);
        let text = publish::json::render(&report).unwrap();
        // What only the matrix needs is not part of the contract.
        report.nodes.iter_mut().for_each(|it| it.measured = None);
        assert_eq!(serde_json::from_str::<ClusterReport>(&text).unwrap(), report);
    }
}

/// The truth table of the rule `cilium_enabled = enable_cilium && !enable_fargate`, and what
/// `advisory` makes of it.
#[test]
fn the_three_scenarios_of_the_smart_rule() {
    let decided = |case, policy| {
        let decision = named(case, policy).decision;
        (decision.cilium_enabled, decision.warning.len())
    };
    let strict = Datapaths::StrictClusterWide;
    assert_eq!(decided("scenario-1-cilium-asked", strict), (Ternary::Yes, 0));
    assert_eq!(decided("scenario-2-both-asked", strict), (Ternary::No, 3));
    assert_eq!(decided("scenario-3-fargate-only", strict), (Ternary::No, 0));
    let advisory = Datapaths::Advisory;
    assert_eq!(decided("scenario-1-cilium-asked", advisory), (Ternary::Yes, 0));
    assert_eq!(decided("scenario-2-both-asked", advisory), (Ternary::Yes, 0));
    assert_eq!(decided("scenario-3-fargate-only", advisory), (Ternary::No, 0));
}

/// Which rules fail on which cluster: from the descriptions of the cases, not from what was printed.
#[test]
fn each_cluster_shows_the_findings_it_was_made_for() {
    use bpfready::judge::report::Outcome;
    let failing = |case: &str| -> Vec<String> {
        let findings = named(case, Datapaths::Advisory).findings;
        findings.into_iter().filter(|it| it.outcome == Outcome::Fail).map(|it| it.reason).collect()
    };
    let expect = |case: &str, reasons: &[&str]| assert_eq!(failing(case), reasons, "{case}");
    expect("ec2-karpenter-cilium", &[]);
    expect(
        "fargate-only",
        &["FargatePodUnsupported", "EbpfAgentOnFargate", "FargatePolicyNotEnforced"],
    );
    expect("hybrid-vpc-cni", &[]);
    // Whoever asks for both is told what will not work together; nothing forbids it.
    expect("scenario-1-cilium-asked", &[]);
    expect("scenario-2-both-asked", &["HybridCilium"]);
    expect("scenario-3-fargate-only", &[]);
    expect(
        "hybrid-cilium",
        &["HybridCilium", "CiliumScheduledOnFargate", "FargatePolicyNotEnforced"],
    );
    // Both CNIs run on every node until the last one has moved: that is no finding of its own.
    expect("migration-half-way", &["MigrationInProgress"]);
    expect("auto-mode", &[]);
    expect("auto-mode-with-cilium", &["CiliumOnAutoMode"]);
    expect("hybrid-nodes", &[]);
    expect(
        "mixed-with-leftovers",
        &[
            "AgentsReport",
            "TargetCapable",
            "MixedDatapath",
            "CiliumCrdsLeft",
            "CiliumConditionStale",
            "V1Beta1NodePool",
            "NodePoolMissingStartupTaint",
            "NodePoolTaintMisplaced",
            "NodePoolTaintUnowned",
            "NodePoolClaimsVerifiedLabel",
            "PromiseMismatch",
            "GateStuck",
            "SelectorNotSatisfiable",
        ],
    );
}

/// Terraform refuses anything but strings, and an object in an object.
#[test]
fn terraform_gets_a_flat_map_of_strings() {
    for case in cases() {
        let text = publish::terraform::render(&report(&case, Datapaths::Advisory)).unwrap();
        let map: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        assert!(["true", "false", "unknown"].contains(&map["cilium_enabled"].as_str()));
    }
}
