//! Rule `agents-report`: an agent reports from every node where one can run.

use super::{ClusterFinding, Grade, Rule, Scene, count, node_object};
use crate::judge::cluster::nodes::{NodeLine, Source};

const RULE: Rule = Rule::new("agents-report", "AgentsReport", Grade::Info);

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
    let mut evidence = Vec::new();
    if by_label > 0 {
        let nodes = count(by_label, "node");
        evidence
            .push(format!("{nodes}: the report could not be had, the labels tell a part of it"));
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

fn is_told(node: &NodeLine) -> bool {
    matches!(node.source, Source::Report | Source::Labels)
}
