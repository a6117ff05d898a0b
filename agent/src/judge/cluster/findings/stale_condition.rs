//! Rule `cilium-condition-true`: the condition that says "Cilium is running on this node" is never
//! taken back by Cilium's operator, so it stays when Cilium is gone.

use std::collections::BTreeSet;

use super::{ClusterFinding, Grade, Rule, Scene, count, node_object};
use crate::facts::cluster::Cluster;

const RULE: Rule = Rule::new("cilium-condition-true", "CiliumConditionStale", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let (Some(nodes), Some(pods)) =
        (scene.cluster.nodes.known(), scene.cluster.cilium_pods.known())
    else {
        return RULE.undetermined("nodes and pods of Cilium could not both be listed");
    };
    let with_pod: BTreeSet<_> = pods.iter().map(|it| &it.spec.node_name).collect();
    let says = |it: &&crate::facts::cluster::Node| {
        it.condition("NetworkUnavailable").is_some_and(|it| it.reason == "CiliumIsUp")
    };
    let saying: Vec<_> = Cluster::known(&scene.cluster.nodes).iter().filter(says).collect();
    if saying.is_empty() {
        return RULE.not_applicable(format!(
            "none of {} says that Cilium runs",
            count(nodes.len(), "node")
        ));
    }
    let stale: Vec<_> = saying.iter().filter(|it| !with_pod.contains(&it.metadata.name)).collect();
    if stale.is_empty() {
        return RULE.pass("Cilium has a pod on every node that says it runs");
    }
    RULE.fail(
        format!("Cilium has no pod on {} where a condition says that it runs", count(stale.len(), "node")),
        "Trust no selector or gate that rests on this condition; it goes when the node is replaced.",
    )
    .about(stale.iter().map(|it| node_object(&it.metadata.name)))
}
