//! Rule `cilium-on-auto-mode`: EKS Auto Mode supports no other CNI, whatever its kernel can do.

use std::collections::BTreeSet;

use super::{ClusterFinding, Grade, Rule, Scene, count, node_object};
use crate::facts::cluster::{Cluster, Pod, Text};
use crate::judge::cluster::compute::{COMPUTE_TYPE, Compute};
use crate::judge::cluster::nodes::NodeLine;

const RULE: Rule = Rule::new("cilium-on-auto-mode", "CiliumOnAutoMode", Grade::Error);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let auto: Vec<&NodeLine> =
        scene.nodes.iter().filter(|it| it.compute == Compute::AutoMode).collect();
    if auto.is_empty() {
        return match scene.cluster.nodes.known() {
            Some(_) => RULE.not_applicable("there is no node of EKS Auto Mode"),
            None => RULE.undetermined("the nodes could not be listed"),
        };
    }
    if scene.cluster.cilium_pods.known().is_none() {
        return RULE.undetermined("the pods of Cilium could not be listed");
    }
    let pods = Cluster::known(&scene.cluster.cilium_pods);
    let wanted: BTreeSet<&Text> = pods.iter().filter_map(Pod::target_node).collect();
    let with: Vec<&&NodeLine> = auto.iter().filter(|it| wanted.contains(&it.name)).collect();
    if with.is_empty() {
        return RULE
            .pass(format!("no pod of Cilium is on {} of Auto Mode", count(auto.len(), "node")));
    }
    RULE.fail(
        format!("Cilium runs on {} of EKS Auto Mode, which supports no other CNI", count(with.len(), "node")),
        format!(
            "Give Cilium's DaemonSet the node affinity `{COMPUTE_TYPE} NotIn [auto]`, or move the workloads to nodes of Karpenter."
        ),
    )
    .about(with.iter().map(|it| node_object(&it.name)))
}
