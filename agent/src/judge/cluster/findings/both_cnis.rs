//! Rule `one-cni-per-node`: the VPC CNI and Cilium do not both own a node's routes and rules, unless
//! Cilium is chained behind the VPC CNI.

use std::collections::BTreeSet;

use super::{ClusterFinding, Grade, Migrating, Rule, Scene, count, node_object};
use crate::facts::Observed;
use crate::facts::cluster::{Cluster, Pod, Text};

const RULE: Rule = Rule::new("one-cni-per-node", "TwoCnisOnNode", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let cluster = scene.cluster;
    if cluster.cilium_pods.known().is_none() || cluster.vpc_cni_pods.known().is_none() {
        return RULE.undetermined("the pods of both CNIs could not be listed");
    }
    let cilium = nodes_of(Cluster::known(&cluster.cilium_pods));
    let vpc_cni = nodes_of(Cluster::known(&cluster.vpc_cni_pods));
    let both: Vec<&Text> = cilium.intersection(&vpc_cni).copied().collect();
    if both.is_empty() {
        return RULE.pass("no node runs the VPC CNI and Cilium together");
    }
    if Migrating::of(scene).is_some() {
        return RULE.pass("both run together while nodes move from one to the other");
    }
    if let Some(chained) = &scene.presence.chained_behind {
        return RULE
            .pass(format!("Cilium is chained behind {chained} on {}", count(both.len(), "node")));
    }
    if let Observed::Unknown(failure) = &cluster.cilium_config {
        let words = "both run together, and whether Cilium is chained could not be read";
        return RULE.undetermined(words).because([failure.detail.clone()]);
    }
    RULE.fail(
        format!("the VPC CNI and Cilium both run on {} without chaining", count(both.len(), "node")),
        "Keep `aws-node` from nodes of Cilium (nodeSelector `io.cilium/aws-node-enabled=true`), or chain \
         Cilium behind it (`cni.chainingMode=aws-cni`).",
    )
    .about(both.into_iter().map(|it| node_object(it)))
}

fn nodes_of(pods: &[Pod]) -> BTreeSet<&Text> {
    pods.iter().filter(|it| it.status.phase == "Running").map(|it| &it.spec.node_name).collect()
}
