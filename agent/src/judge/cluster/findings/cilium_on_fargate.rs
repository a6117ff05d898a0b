//! Rule `cilium-on-fargate`: Cilium's DaemonSet tolerates every taint, so without an
//! affinity it leaves a pod Pending for each Fargate node.

use super::{ClusterFinding, Grade, Rule, Scene, count, pod_object};
use crate::facts::cluster::{Cluster, Pod};
use crate::judge::cluster::compute::{COMPUTE_TYPE, Compute};

const RULE: Rule = Rule::new("cilium-on-fargate", "CiliumScheduledOnFargate", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let read = scene.cluster.cilium_pods.known().or(scene.cluster.pending_pods.known());
    if read.is_none() {
        return RULE.undetermined("the pods could not be listed");
    }
    let is_cilium = |it: &&Pod| it.metadata.labels.is("k8s-app", "cilium");
    let all = Cluster::known(&scene.cluster.cilium_pods)
        .iter()
        .chain(Cluster::known(&scene.cluster.pending_pods).iter().filter(is_cilium));
    let mut stuck: Vec<&Pod> =
        all.filter(|it| it.status.phase == "Pending" && is_for_fargate(scene, it)).collect();
    stuck.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    stuck.dedup_by(|a, b| a.metadata.name == b.metadata.name);
    if stuck.is_empty() {
        return RULE.pass("no pod of Cilium waits for a Fargate node");
    }
    RULE.fail(
        format!(
            "Cilium waits for ever on Fargate, which runs no DaemonSet: {}",
            count(stuck.len(), "pod")
        ),
        format!("Give Cilium's DaemonSet the node affinity `{COMPUTE_TYPE} NotIn [fargate]`."),
    )
    .about(stuck.into_iter().map(pod_object))
}

/// A DaemonSet's pod names its node before it is bound.
pub(super) fn is_for_fargate(scene: &Scene<'_>, pod: &Pod) -> bool {
    let Some(target) = pod.target_node() else { return false };
    let node = scene.nodes.iter().find(|it| it.name == *target);
    match node {
        Some(node) => node.compute == Compute::Fargate,
        None => target.starts_with("fargate-"),
    }
}
