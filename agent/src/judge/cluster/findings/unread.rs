//! Rule `api-readable`: every part of the look at the cluster was answered.

use super::{ClusterFinding, Grade, Rule, Scene, count};

const RULE: Rule = Rule::new("api-readable", "ApiReadable", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let failures = scene.cluster.failures();
    if failures.is_empty() {
        return RULE.pass("everything that was asked of the API server was answered");
    }
    let told = failures
        .iter()
        .map(|(part, failure)| format!("{part}: {} ({})", failure.detail, failure.cause.as_str()));
    let evidence: Vec<String> = told.collect();
    let mut finding = RULE.undetermined(format!(
        "{} could not be read, so what rests on {} is unknown",
        count(failures.len(), "part"),
        if failures.len() == 1 { "it" } else { "them" }
    ));
    finding.remedy =
        "Grant the reading rights of manifests/base to the one who asks, or ask again.".to_owned();
    finding.because(evidence)
}
