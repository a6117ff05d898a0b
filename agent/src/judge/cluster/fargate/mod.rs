//! What is told about Fargate, where nothing of ours can run: all from the API server.

pub mod capacity;
pub mod desired;
pub mod unsupported;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::nodes::NodeLine;
use crate::facts::Observed;
use crate::facts::cluster::{Cluster, Pod, Text};
use crate::judge::report::Ternary;
use capacity::Capacity;

/// The label that AWS' own controllers know a Fargate pod by.
pub const PROFILE_LABEL: &str = "eks.amazonaws.com/fargate-profile";
/// Who binds Fargate pods.
pub const SCHEDULER: &str = "fargate-scheduler";

/// What is taken for true of a Fargate node from which no agent reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// No eBPF: no container there is granted the right to load a program.
    #[default]
    None,
    /// Nothing: for the day when AWS allows it.
    Unknown,
}

/// Fargate in this cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FargateReport {
    /// Whether there are Fargate nodes or pods.
    pub present: Ternary,
    /// Whether there is a Fargate profile, perhaps unused.
    pub profile: Ternary,
    /// Fargate nodes.
    pub nodes: usize,
    /// Pods by namespace, profile and phase.
    pub pods: Vec<PodGroup>,
    /// What is billed for them.
    pub billed: Capacity,
    /// Pods that do not say what is billed for them: not scheduled yet.
    pub not_billed: usize,
}

/// Some Fargate pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodGroup {
    /// Their namespace.
    pub namespace: Text,
    /// Their profile.
    pub profile: Text,
    /// Their phase.
    pub phase: Text,
    /// How many.
    pub pods: usize,
}

/// Whether a pod runs on Fargate or is bound for it. The label alone says no more than which profile
/// its author would like; a pod made before its profile waits for ordinary nodes.
pub fn is_fargate_pod(pod: &Pod) -> bool {
    let named = pod.metadata.labels.has(PROFILE_LABEL);
    named && (pod.spec.scheduler_name == SCHEDULER || pod.spec.node_name.starts_with("fargate-"))
}

/// Whether a pod is over: it holds no node any more.
pub fn is_over(pod: &Pod) -> bool {
    pod.status.phase == "Succeeded" || pod.status.phase == "Failed"
}

/// Counts Fargate.
pub(super) fn report(cluster: &Cluster, nodes: &[NodeLine]) -> FargateReport {
    let fargate_nodes = nodes.iter().filter(|it| it.compute == Compute::Fargate).count();
    let pods = Cluster::known(&cluster.fargate_pods).iter().filter(|it| is_fargate_pod(it));
    let mut groups: BTreeMap<(Text, Text, Text), usize> = BTreeMap::new();
    let (mut billed, mut not_billed) = (Capacity::default(), 0);
    for pod in pods {
        let meta = &pod.metadata;
        let profile = meta.labels.get(PROFILE_LABEL).cloned().unwrap_or_default();
        let key = (meta.namespace.clone(), profile, pod.status.phase.clone());
        *groups.entry(key).or_default() += 1;
        match capacity::of(pod) {
            _ if is_over(pod) => {}
            Some(capacity) => billed += capacity,
            None => not_billed += 1,
        }
    }
    let pods: Vec<PodGroup> = groups
        .into_iter()
        .map(|((namespace, profile, phase), pods)| PodGroup { namespace, profile, phase, pods })
        .collect();
    let present = present(cluster, fargate_nodes > 0 || !pods.is_empty());
    let profile = match &cluster.fargate_webhook {
        Observed::Known(true) => Ternary::Yes,
        Observed::Known(false) => present,
        Observed::Unknown(_) if present == Ternary::Yes => Ternary::Yes,
        Observed::Unknown(_) => Ternary::Unknown,
    };
    FargateReport { present, profile, nodes: fargate_nodes, pods, billed, not_billed }
}

fn present(cluster: &Cluster, seen: bool) -> Ternary {
    let looked = cluster.nodes.known().is_some() && cluster.fargate_pods.known().is_some();
    match (seen, looked) {
        (true, _) => Ternary::Yes,
        (false, true) => Ternary::No,
        (false, false) => Ternary::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(scheduler: &str, node: &str, profile: Option<&str>) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.labels =
            profile.map(|it| (PROFILE_LABEL.into(), it.into())).into_iter().collect();
        pod.spec.scheduler_name = scheduler.into();
        pod.spec.node_name = node.into();
        pod
    }

    #[test]
    fn the_label_and_a_place_make_a_fargate_pod() {
        assert!(is_fargate_pod(&pod("fargate-scheduler", "", Some("web"))));
        assert!(is_fargate_pod(&pod("", "fargate-ip-10-0-1-15.ec2.internal", Some("web"))));
        // Its author asked for a profile; it runs on EC2.
        assert!(!is_fargate_pod(&pod(
            "default-scheduler",
            "ip-10-0-1-2.ec2.internal",
            Some("web")
        )));
        assert!(!is_fargate_pod(&pod("fargate-scheduler", "", None)));
    }
}
