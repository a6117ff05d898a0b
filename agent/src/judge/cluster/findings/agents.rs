//! Rule `agents-report`: an agent reports from every node where one can run.

use std::collections::BTreeMap;

use super::{ClusterFinding, Grade, Rule, Scene, count, node_object};
use crate::facts::cluster::Text;
use crate::judge::cluster::nodes::{NodeLine, Source};

const RULE: Rule = Rule::new("agents-report", "AgentsReport", Grade::Info);

/// Nodes that are named for one reason.
const NAMED: usize = 3;

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    if scene.cluster.nodes.known().is_none() {
        return RULE.undetermined("the nodes could not be listed");
    }
    let eligible: Vec<&NodeLine> =
        scene.nodes.iter().filter(|it| it.allows_cilium || it.source == Source::Report).collect();
    if eligible.is_empty() {
        return RULE.not_applicable("no agent can run on any of these nodes");
    }
    let silent: Vec<&&NodeLine> = eligible.iter().filter(|it| !is_told(it)).collect();
    let by_label = eligible.iter().filter(|it| it.source == Source::Labels).count();
    let mut evidence = failures(&eligible);
    if by_label > 0 {
        let nodes = count(by_label, "node");
        evidence.push(format!("{nodes}: the labels alone tell about it, which is a part of it"));
    }
    if silent.is_empty() {
        return RULE
            .pass(format!(
                "agents tell about all {} where one can run",
                count(eligible.len(), "node")
            ))
            .because(evidence);
    }
    RULE.fail(
        format!("no agent tells about {} of {}", silent.len(), count(eligible.len(), "node")),
        "Install the DaemonSet of bpfready, or let the one who asks reach the agents' port 9770.",
    )
    .because(evidence)
    .about(silent.iter().map(|it| node_object(&it.name)))
}

/// Why reports could not be had, each reason once with its nodes.
fn failures(nodes: &[&NodeLine]) -> Vec<String> {
    let mut reasons: BTreeMap<&Text, Vec<&str>> = BTreeMap::new();
    for node in nodes {
        if let Some(reason) = &node.report_failure {
            reasons.entry(reason).or_default().push(&node.name);
        }
    }
    let told = reasons.into_iter().map(|(reason, names)| {
        let more = if names.len() > NAMED { ", …" } else { "" };
        let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        format!("no report from {} ({first}{more}): {reason}", count(names.len(), "node"))
    });
    told.collect()
}

fn is_told(node: &NodeLine) -> bool {
    matches!(node.source, Source::Report | Source::Labels)
}
