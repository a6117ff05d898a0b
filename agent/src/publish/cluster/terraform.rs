//! The protocol of Terraform's `external` data source: one JSON object whose values are all strings.
//!
//! <https://registry.terraform.io/providers/hashicorp/external/latest/docs/data-sources/external>

use std::collections::BTreeMap;

use super::{cells, words};
use crate::judge::ClusterReport;
use crate::judge::cluster::findings::Grade;
use crate::judge::report::{Outcome, Ternary};
use crate::publish::words::{Words as _, json_word};

/// What could not be told.
const UNKNOWN: &str = "unknown";

/// The report as a flat map of strings.
///
/// # Errors
///
/// Never: strings always serialise; the signature is that of the serialiser.
pub fn render(report: &ClusterReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&flat(report)).map(|it| it + "\n")
}

/// Every key and value. What could not be told is the string `unknown`, never `false`.
pub fn flat(report: &ClusterReport) -> BTreeMap<&'static str, String> {
    let decision = &report.decision;
    let recommendation = &report.recommendation;
    let eligible = || report.nodes.iter().filter(|it| it.allows_cilium);
    // What could not be listed is not 0.
    let told = |number: usize| match words::is_unlisted(report) {
        true => UNKNOWN.to_owned(),
        false => number.to_string(),
    };
    let nodes = |answer| told(eligible().filter(|it| it.cilium_capable == answer).count());
    let failing = |grade| {
        let is = |it: &&_| matches!(it, crate::judge::cluster::findings::ClusterFinding { outcome: Outcome::Fail, grade: of, .. } if *of == grade);
        report.findings.iter().filter(is).count().to_string()
    };
    let mut datapaths: Vec<String> =
        report.nodes.iter().map(|it| json_word(&it.datapath)).collect();
    datapaths.sort();
    datapaths.dedup();
    let blocked_by = recommendation.blocked_by.map(|it| json_word(&it)).unwrap_or_default();
    let capable = match eligible().next() {
        None if words::is_unlisted(report) => Ternary::Unknown,
        None => Ternary::No,
        Some(_) => cells::worst(eligible().map(|it| it.cilium_capable)),
    };
    BTreeMap::from([
        ("api_version", report.api_version.clone()),
        ("kubernetes_version", report.kubernetes.as_deref().unwrap_or(UNKNOWN).to_owned()),
        ("policy", json_word(&decision.policy)),
        ("target_cilium", report.target.to_string()),
        ("enable_cilium", truth(decision.enable_cilium)),
        ("enable_fargate", truth(decision.enable_fargate)),
        ("cilium_enabled", truth(decision.cilium_enabled)),
        ("warning", decision.warning.join("\n")),
        ("cilium_present", truth(report.presence.cilium)),
        ("cilium_capable", capable.word().to_owned()),
        ("vpc_cni_present", truth(report.presence.vpc_cni)),
        ("fargate_present", truth(report.presence.fargate)),
        ("datapaths", datapaths.join(",")),
        ("nodes", told(report.nodes.len())),
        ("nodes_eligible", told(eligible().count())),
        ("nodes_capable", nodes(Ternary::Yes)),
        ("nodes_incapable", nodes(Ternary::No)),
        ("nodes_unknown", nodes(Ternary::Unknown)),
        ("nodes_fargate", told(report.fargate.nodes)),
        ("findings_error", failing(Grade::Error)),
        ("findings_warning", failing(Grade::Warning)),
        ("recommendation", json_word(&recommendation.action)),
        ("recommendation_text", words::recommended(recommendation)),
        ("recommendation_why", recommendation.why.clone()),
        ("blocked_by", blocked_by),
    ])
}

/// Terraform's words, so that `== "true"` reads well there.
fn truth(ternary: Ternary) -> String {
    match ternary {
        Ternary::Yes => "true",
        Ternary::No => "false",
        Ternary::Unknown => UNKNOWN,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cause, Observed};
    use crate::judge::cluster::{Measurements, Policy, judge, sample};

    #[test]
    fn nodes_that_could_not_be_listed_are_unknown_and_not_none() {
        let mut cluster = sample::empty();
        cluster.nodes = Observed::unknown(Cause::PermissionDenied, "nodes is forbidden");
        let report = judge(&cluster, &Measurements::new(), &Policy::default());
        let flat = flat(&report);
        for key in [
            "cilium_capable",
            "nodes",
            "nodes_eligible",
            "nodes_capable",
            "nodes_incapable",
            "nodes_unknown",
            "nodes_fargate",
        ] {
            assert_eq!(flat[key], "unknown", "{key}");
        }
        cluster.nodes = Observed::Known(Vec::new());
        let report = judge(&cluster, &Measurements::new(), &Policy::default());
        assert_eq!(super::flat(&report)["nodes"], "0");
    }
}
