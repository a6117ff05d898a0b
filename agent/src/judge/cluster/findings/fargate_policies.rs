//! Rule `fargate-policy-enforced`: no network policy is enforced for pods on Fargate: the VPC CNI's
//! engine and Cilium's both run on EC2 nodes only (EKS user guide, `eks-networking-add-ons`).

use super::{ClusterFinding, Grade, Rule, Scene, count};
use crate::facts::cluster::workload::NetworkPolicy;
use crate::facts::cluster::{Labels, Text};
use crate::judge::cluster::fargate::{is_fargate_pod, is_over};

const RULE: Rule = Rule::new("fargate-policy-enforced", "FargatePolicyNotEnforced", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let (Some(pods), Some(policies)) =
        (scene.cluster.fargate_pods.known(), scene.cluster.network_policies.known())
    else {
        return RULE.undetermined("Fargate pods and network policies could not both be listed");
    };
    let pods = pods.iter().filter(|it| is_fargate_pod(it) && !is_over(it));
    // Pods of one workload have the same labels: each set is asked once.
    let mut shapes: Vec<(&Text, &Labels)> =
        pods.map(|it| (&it.metadata.namespace, &it.metadata.labels)).collect();
    shapes.sort_by(|a, b| a.0.cmp(b.0).then_with(|| a.1.iter().cmp(b.1.iter())));
    shapes.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    let selecting: Vec<&NetworkPolicy> = policies
        .iter()
        .filter(|policy| shapes.iter().any(|(namespace, labels)| policy.selects(namespace, labels)))
        .collect();
    if selecting.is_empty() {
        return RULE.pass("no network policy selects a pod on Fargate");
    }
    RULE.fail(
        format!(
            "not enforced for the pods on Fargate: {}",
            count(selecting.len(), "network policy")
        ),
        "Use security groups for pods (SecurityGroupPolicy) there, or move the pods to nodes.",
    )
    .about(selecting.into_iter().map(object))
}

fn object(policy: &NetworkPolicy) -> Text {
    let kind = if policy.kind.is_empty() { "NetworkPolicy" } else { &policy.kind };
    let namespace = &policy.metadata.namespace;
    let separator = if namespace.is_empty() { "" } else { "/" };
    format!("{kind}/{namespace}{separator}{}", policy.metadata.name).into()
}
