//! What kind of machine a Node is, from the Node object alone.
//!
//! A decision list: the first sign that is there decides. The order matters: a node of EKS Auto
//! Mode carries Karpenter's labels too. A plain EC2 node has no `eks.amazonaws.com/compute-type`,
//! so its absence says nothing.

use serde::{Deserialize, Serialize};

use crate::facts::cluster::karpenter::{GROUP, POOL_LABEL};
use crate::facts::cluster::{Node, Text};

/// The label that EKS puts on nodes that are not plain EC2.
pub const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// What kind of machine a Node is; the words are label values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Compute {
    /// EC2 in an EKS managed node group.
    #[serde(rename = "eks-managed")]
    ManagedNodeGroup,
    /// EC2 that its owner runs.
    #[serde(rename = "aws-self-managed")]
    SelfManaged,
    /// Made by Karpenter.
    #[serde(rename = "karpenter")]
    Karpenter,
    /// EKS Auto Mode.
    #[serde(rename = "eks-auto")]
    AutoMode,
    /// AWS Fargate: one microVM a pod.
    #[serde(rename = "fargate")]
    Fargate,
    /// EKS Hybrid Nodes: a machine outside AWS.
    #[serde(rename = "eks-hybrid")]
    HybridNode,
    /// SageMaker HyperPod on EKS.
    #[serde(rename = "hyperpod")]
    HyperPod,
    /// Google Kubernetes Engine.
    #[serde(rename = "gke")]
    Gke,
    /// Azure Kubernetes Service.
    #[serde(rename = "aks")]
    Aks,
    /// Virtual Kubelet: no kernel behind it.
    #[serde(rename = "virtual-kubelet")]
    VirtualKubelet,
    /// kind: a container as a node.
    #[serde(rename = "kind")]
    Kind,
    /// k3s.
    #[serde(rename = "k3s")]
    K3s,
    /// KWOK: simulated.
    #[serde(rename = "kwok")]
    Kwok,
    /// No sign is known.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Compute {
    /// All of them, in the order of the matrix.
    pub const ALL: [Self; 14] = [
        Self::ManagedNodeGroup,
        Self::SelfManaged,
        Self::Karpenter,
        Self::AutoMode,
        Self::Fargate,
        Self::HybridNode,
        Self::HyperPod,
        Self::Gke,
        Self::Aks,
        Self::VirtualKubelet,
        Self::Kind,
        Self::K3s,
        Self::Kwok,
        Self::Unknown,
    ];

    /// The word in labels, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ManagedNodeGroup => "eks-managed",
            Self::SelfManaged => "aws-self-managed",
            Self::Karpenter => "karpenter",
            Self::AutoMode => "eks-auto",
            Self::Fargate => "fargate",
            Self::HybridNode => "eks-hybrid",
            Self::HyperPod => "hyperpod",
            Self::Gke => "gke",
            Self::Aks => "aks",
            Self::VirtualKubelet => "virtual-kubelet",
            Self::Kind => "kind",
            Self::K3s => "k3s",
            Self::Kwok => "kwok",
            Self::Unknown => "unknown",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ManagedNodeGroup => "EC2 managed",
            Self::SelfManaged => "EC2 self-managed",
            Self::Karpenter => "Karpenter",
            Self::AutoMode => "EKS Auto Mode",
            Self::Fargate => "Fargate",
            Self::HybridNode => "EKS Hybrid Nodes",
            Self::HyperPod => "SageMaker HyperPod",
            Self::Gke => "GKE",
            Self::Aks => "AKS",
            Self::VirtualKubelet => "Virtual Kubelet",
            Self::Kind => "kind",
            Self::K3s => "k3s",
            Self::Kwok => "KWOK (simulated)",
            Self::Unknown => "unknown",
        }
    }

    /// Whether these nodes are EC2 machines whose CNI the cluster's owner chooses.
    pub fn is_ec2(self) -> bool {
        matches!(
            self,
            Self::ManagedNodeGroup | Self::SelfManaged | Self::Karpenter | Self::HyperPod
        )
    }

    /// Whether the platform lets a DaemonSet bring another CNI.
    ///
    /// Fargate runs no DaemonSet; Auto Mode supports no alternate CNI (EKS user guide,
    /// `eks-networking-add-ons`); the others have no kernel.
    pub fn allows_cilium(self) -> bool {
        !matches!(self, Self::Fargate | Self::AutoMode | Self::VirtualKubelet | Self::Kwok)
    }
}

/// What a Node was recognised as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The kind.
    pub compute: Compute,
    /// Its NodePool or node group, where it names one.
    pub pool: Option<Text>,
    /// For Karpenter: the API group of the node class, which is the cloud's part.
    pub provider: Option<Text>,
    /// The sign that decided.
    pub sign: &'static str,
}

/// Recognises a Node.
pub fn compute(node: &Node) -> Computed {
    let (compute, sign) = decide(node);
    let labels = &node.metadata.labels;
    let pool = pool_label(compute).and_then(|it| labels.get(it));
    let provider = match compute {
        Compute::Karpenter => provider(node),
        _ => None,
    };
    Computed { compute, pool: pool.cloned(), provider, sign }
}

fn pool_label(compute: Compute) -> Option<&'static str> {
    match compute {
        Compute::Karpenter | Compute::AutoMode => Some(POOL_LABEL),
        Compute::ManagedNodeGroup => Some("eks.amazonaws.com/nodegroup"),
        Compute::SelfManaged => Some("alpha.eksctl.io/nodegroup-name"),
        Compute::Gke => Some("cloud.google.com/gke-nodepool"),
        Compute::Fargate
        | Compute::HybridNode
        | Compute::HyperPod
        | Compute::Aks
        | Compute::VirtualKubelet
        | Compute::Kind
        | Compute::K3s
        | Compute::Kwok
        | Compute::Unknown => None,
    }
}

/// A kind, the sign of it, and whether a node has that sign.
type Sign = (Compute, &'static str, fn(&Node) -> bool);

/// The list, in its order.
#[rustfmt::skip]
const SIGNS: &[Sign] = &[
    (Compute::Fargate, "label eks.amazonaws.com/compute-type=fargate", |it| label(it, COMPUTE_TYPE, "fargate")),
    (Compute::Fargate, "name and providerID begin with fargate-", is_fargate_by_name),
    (Compute::Fargate, "taint eks.amazonaws.com/compute-type=fargate", is_fargate_by_taint),
    (Compute::AutoMode, "label eks.amazonaws.com/compute-type=auto", |it| label(it, COMPUTE_TYPE, "auto")),
    (Compute::HybridNode, "label eks.amazonaws.com/compute-type=hybrid", |it| label(it, COMPUTE_TYPE, "hybrid")),
    (Compute::HybridNode, "providerID eks-hybrid:///", |it| provided(it, "eks-hybrid:///")),
    (Compute::HyperPod, "label sagemaker.amazonaws.com/compute-type=hyperpod", |it| label(it, "sagemaker.amazonaws.com/compute-type", "hyperpod")),
    (Compute::Karpenter, "label karpenter.sh/nodepool", |it| it.metadata.labels.has(POOL_LABEL)),
    (Compute::Karpenter, "owned by a NodeClaim", is_of_node_claim),
    (Compute::Karpenter, "taint karpenter.sh/unregistered", |it| has_taint(it, "karpenter.sh/unregistered")),
    (Compute::Karpenter, "label karpenter.sh/provisioner-name (alpha API)", |it| it.metadata.labels.has("karpenter.sh/provisioner-name")),
    (Compute::ManagedNodeGroup, "label eks.amazonaws.com/nodegroup", |it| it.metadata.labels.has("eks.amazonaws.com/nodegroup")),
    (Compute::SelfManaged, "providerID aws:// of an EC2 instance", |it| is_ec2_instance(&it.spec.provider_id)),
    (Compute::Gke, "providerID gce:// and label cloud.google.com/gke-nodepool", |it| provided(it, "gce://") && it.metadata.labels.has("cloud.google.com/gke-nodepool")),
    (Compute::Aks, "providerID azure:/// and label kubernetes.azure.com/cluster", |it| provided(it, "azure:///") && it.metadata.labels.has("kubernetes.azure.com/cluster")),
    (Compute::VirtualKubelet, "label type=virtual-kubelet", |it| label(it, "type", "virtual-kubelet")),
    (Compute::Kind, "providerID kind://", |it| provided(it, "kind://")),
    (Compute::K3s, "providerID k3s:// or instance type k3s", |it| provided(it, "k3s://") || label(it, "node.kubernetes.io/instance-type", "k3s")),
    (Compute::Kwok, "annotation kwok.x-k8s.io/node: fake", |it| it.metadata.annotations.is("kwok.x-k8s.io/node", "fake")),
];

fn decide(node: &Node) -> (Compute, &'static str) {
    let found = SIGNS.iter().find(|(.., holds)| holds(node));
    found.map_or((Compute::Unknown, "no sign of any platform"), |it| (it.0, it.1))
}

fn label(node: &Node, key: &str, value: &str) -> bool {
    node.metadata.labels.is(key, value)
}

fn provided(node: &Node, scheme: &str) -> bool {
    node.spec.provider_id.starts_with(scheme)
}

/// The name alone proves nothing: anybody may call a machine `fargate-…`.
fn is_fargate_by_name(node: &Node) -> bool {
    let Some(rest) = node.metadata.name.strip_prefix("fargate-") else { return false };
    // Without DNS names in the VPC the name is `fargate-` and the bare address.
    let named = rest.starts_with("ip-") || rest.starts_with(|it: char| it.is_ascii_digit());
    named && last_segment(&node.spec.provider_id).starts_with("fargate-")
}

fn is_fargate_by_taint(node: &Node) -> bool {
    node.spec.taints.iter().any(|it| it.key == COMPUTE_TYPE && it.value == "fargate")
}

fn is_of_node_claim(node: &Node) -> bool {
    let group = |it: &str| it.split_once('/').is_some_and(|(group, _)| group == GROUP);
    node.metadata.owner_references.iter().any(|it| it.kind == "NodeClaim" && group(&it.api_version))
}

fn has_taint(node: &Node, key: &str) -> bool {
    node.spec.taints.iter().any(|it| it.key == key)
}

/// `aws:///ZONE/ID`, `aws:////ID`: the last segment is the resource (cloud-provider-aws,
/// `pkg/providers/v1/instances.go`).
fn is_ec2_instance(provider_id: &str) -> bool {
    provider_id.starts_with("aws://") && last_segment(provider_id).starts_with("i-")
}

fn last_segment(provider_id: &str) -> &str {
    provider_id.rsplit('/').next().unwrap_or_default()
}

/// The group of the node-class label, `GROUP/KIND` in lower case (Karpenter, `pkg/apis/v1/labels.go`).
fn provider(node: &Node) -> Option<Text> {
    let class = |key: &str| {
        let (group, kind) = key.split_once('/')?;
        kind.ends_with("nodeclass").then(|| Text::from(group))
    };
    node.metadata.labels.iter().find_map(|(key, _)| class(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(value: serde_json::Value) -> Node {
        serde_json::from_value(value).unwrap()
    }

    #[track_caller]
    fn expect(value: serde_json::Value, wanted: Compute) {
        let node = node(value);
        assert_eq!(compute(&node).compute, wanted, "{node:#?}");
    }

    fn labelled(key: &str, value: &str) -> serde_json::Value {
        serde_json::json!({"metadata": {"name": "n", "labels": {key: value}}})
    }

    fn provided(id: &str) -> serde_json::Value {
        serde_json::json!({"metadata": {"name": "n"}, "spec": {"providerID": id}})
    }

    const TASK: &str = "aws:///eu-west-1b/120328e333-369fe1b7ba8b4416ab87216be91dc4f1/";

    #[test]
    fn every_word_is_the_one_in_json_and_a_label_value() {
        for compute in Compute::ALL {
            assert_eq!(serde_json::to_value(compute).unwrap(), compute.as_str());
            assert!(compute.as_str().chars().all(|it| it.is_ascii_alphanumeric() || it == '-'));
        }
    }

    #[test]
    fn fargate_by_label_by_name_and_by_taint() {
        expect(labelled(COMPUTE_TYPE, "fargate"), Compute::Fargate);
        for name in [
            "fargate-ip-10-7-94-68.eu-central-1.compute.internal",
            "fargate-ip-10-0-1-15.ec2.internal",
            "fargate-ip-10-0-1-15.cn-north-1.compute.internal",
            "fargate-10.0.1.15",
        ] {
            let id = format!("{TASK}{name}");
            let named = serde_json::json!({"metadata": {"name": name}, "spec": {"providerID": id}});
            expect(named, Compute::Fargate);
            // The name alone is not enough.
            expect(serde_json::json!({"metadata": {"name": name}}), Compute::Unknown);
        }
        let taints = serde_json::json!([
            {"key": COMPUTE_TYPE, "value": "fargate", "effect": "NoSchedule"}
        ]);
        expect(serde_json::json!({"spec": {"taints": taints}}), Compute::Fargate);
    }

    #[test]
    fn auto_mode_comes_before_karpenter_whose_labels_it_carries() {
        let labels = serde_json::json!({
            COMPUTE_TYPE: "auto", "karpenter.sh/nodepool": "general-purpose",
            "eks.amazonaws.com/nodeclass": "default"
        });
        expect(serde_json::json!({"metadata": {"labels": labels}}), Compute::AutoMode);
    }

    #[test]
    fn hybrid_nodes_and_hyperpod() {
        expect(labelled(COMPUTE_TYPE, "hybrid"), Compute::HybridNode);
        expect(provided("eks-hybrid:///eu-west-1/shop/mi-0123"), Compute::HybridNode);
        expect(labelled("sagemaker.amazonaws.com/compute-type", "hyperpod"), Compute::HyperPod);
    }

    #[test]
    fn karpenter_in_every_stage_of_a_nodes_life_and_of_its_api() {
        expect(labelled("karpenter.sh/nodepool", "default"), Compute::Karpenter);
        expect(labelled("karpenter.sh/provisioner-name", "default"), Compute::Karpenter);
        let owner = |version: &str| {
            serde_json::json!({"metadata": {"ownerReferences": [
                {"apiVersion": version, "kind": "NodeClaim", "name": "default-x"}
            ]}})
        };
        expect(owner("karpenter.sh/v1"), Compute::Karpenter);
        expect(owner("karpenter.sh/v1beta1"), Compute::Karpenter);
        expect(owner("example.io/v1"), Compute::Unknown);
        let taints =
            serde_json::json!([{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]);
        expect(serde_json::json!({"spec": {"taints": taints}}), Compute::Karpenter);
    }

    #[test]
    fn karpenters_cloud_is_the_group_of_its_node_class() {
        for (label, provider) in [
            ("karpenter.k8s.aws/ec2nodeclass", "karpenter.k8s.aws"),
            ("karpenter.azure.com/aksnodeclass", "karpenter.azure.com"),
        ] {
            let labels = serde_json::json!({"karpenter.sh/nodepool": "a", label: "b"});
            let found = compute(&node(serde_json::json!({"metadata": {"labels": labels}})));
            assert_eq!(found.provider.as_deref(), Some(provider));
            assert_eq!(found.pool.as_deref(), Some("a"));
        }
    }

    #[test]
    fn ec2_by_node_group_else_by_provider_id_in_every_form() {
        let labels = serde_json::json!({
            "eks.amazonaws.com/nodegroup": "blue", "alpha.eksctl.io/nodegroup-name": "blue"
        });
        expect(serde_json::json!({"metadata": {"labels": labels}}), Compute::ManagedNodeGroup);
        expect(provided("aws:///us-west-2a/i-1234567890abcdef0"), Compute::SelfManaged);
        expect(provided("aws:////i-1234567890abcdef0"), Compute::SelfManaged);
        expect(provided("aws:///us-west-2a/other"), Compute::Unknown);
    }

    #[test]
    fn other_clouds_and_small_clusters() {
        let gke = serde_json::json!({
            "metadata": {"labels": {"cloud.google.com/gke-nodepool": "pool-1"}},
            "spec": {"providerID": "gce://shop/europe-west1-b/gke-vm"}
        });
        expect(gke, Compute::Gke);
        expect(provided("gce://shop/europe-west1-b/vm"), Compute::Unknown);
        let aks = serde_json::json!({
            "metadata": {"labels": {"kubernetes.azure.com/cluster": "MC_a_b_c"}},
            "spec": {"providerID": "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0"}
        });
        expect(aks, Compute::Aks);
        expect(labelled("type", "virtual-kubelet"), Compute::VirtualKubelet);
        expect(provided("kind://docker/kind/kind-worker"), Compute::Kind);
        expect(provided("k3s://server-0"), Compute::K3s);
        expect(labelled("node.kubernetes.io/instance-type", "k3s"), Compute::K3s);
        let kwok = serde_json::json!({"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}});
        expect(kwok, Compute::Kwok);
        expect(serde_json::json!({}), Compute::Unknown);
    }

    #[test]
    fn a_node_of_the_first_seconds_is_unknown_and_no_guess() {
        let name = "ip-10-0-1-2.us-west-2.compute.internal";
        expect(serde_json::json!({"metadata": {"name": name}}), Compute::Unknown);
    }

    const EC2: &str = "aws:///us-west-2a/i-1234567890abcdef0";
    const AKS: &str = "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";

    /// Names of nodes by § 1.2 to § 1.7 of the facts: of an EC2 machine in a Region, in us-east-1,
    /// with nodeadm's `InstanceIdNodeName`, and the bare instance id.
    const EC2_NAMES: [&str; 4] = [
        "ip-10-0-1-2.us-west-2.compute.internal",
        "ip-10-0-1-2.ec2.internal",
        "i-05b0938045882bc66.us-west-2.compute.internal",
        "i-0aac5ee7a39c88fc9",
    ];

    /// The name of an EC2 machine tells nothing: its labels do, and its providerID else.
    #[test]
    fn every_kind_of_ec2_machine_may_have_every_form_of_name() {
        for name in EC2_NAMES {
            for (label, wanted) in [
                (("eks.amazonaws.com/nodegroup", "blue"), Compute::ManagedNodeGroup),
                (("alpha.eksctl.io/nodegroup-name", "blue"), Compute::SelfManaged),
                (("karpenter.sh/nodepool", "default"), Compute::Karpenter),
                (("eks.amazonaws.com/compute-type", "auto"), Compute::AutoMode),
                (("sagemaker.amazonaws.com/compute-type", "hyperpod"), Compute::HyperPod),
            ] {
                let node = serde_json::json!({
                    "metadata": {"name": name, "labels": {label.0: label.1}},
                    "spec": {"providerID": EC2}
                });
                expect(node, wanted);
            }
            expect(serde_json::json!({"metadata": {"name": name}}), Compute::Unknown);
        }
    }

    #[rustfmt::skip]
    #[test]
    fn every_form_of_name_and_provider_id_elsewhere() {
        let vmss = format!("{AKS}/virtualMachineScaleSets/x/virtualMachines/0");
        let vm = format!("{AKS}/virtualMachines/x");
        let none = ("kubernetes.io/os", "linux");
        let gke = ("cloud.google.com/gke-nodepool", "pool-1");
        let aks = ("kubernetes.azure.com/cluster", "MC_a_b_c");
        let k3s = ("node.kubernetes.io/instance-type", "k3s");
        for (name, id, label, wanted) in [
            ("mi-0123456789abcdef0", "eks-hybrid:///eu-west-1/shop/mi-0123456789abcdef0", none, Compute::HybridNode),
            ("mi-0123456789abcdef0", "", (COMPUTE_TYPE, "hybrid"), Compute::HybridNode),
            ("gke-shop-pool-1-0a1b", "gce://shop/europe-west1-b/gke-shop-pool-1-0a1b", gke, Compute::Gke),
            ("aks-pool1-12345678-vmss000000", &vmss, aks, Compute::Aks),
            ("aks-pool1-12345678-0", &vm, aks, Compute::Aks),
            ("virtual-kubelet", "", ("type", "virtual-kubelet"), Compute::VirtualKubelet),
            ("virtual-node-aci-linux", &vm, ("type", "virtual-kubelet"), Compute::VirtualKubelet),
            ("shop-worker", "kind://docker/shop/shop-worker", none, Compute::Kind),
            ("shop-worker", "kind://podman/shop/shop-worker", none, Compute::Kind),
            ("shop-worker", "kind://nerdctl/shop/shop-worker", none, Compute::Kind),
            ("server-0", "k3s://server-0", k3s, Compute::K3s),
            // On EC2 with k3s' own providerID, and before it is set.
            ("ip-10-0-1-2.ec2.internal", "k3s://ip-10-0-1-2.ec2.internal", none, Compute::K3s),
            ("ip-10-0-1-2.ec2.internal", "", k3s, Compute::K3s),
            // With `--provider-id` it says EC2, and that is what it runs on.
            ("server-0", EC2, k3s, Compute::SelfManaged),
            // A machine of somebody who likes the word, and one of a bare metal cluster.
            ("fargate-ip-10-0-1-15", EC2, none, Compute::SelfManaged),
            ("fargate-builder", "", none, Compute::Unknown),
            ("rack-7-node-12", "metal://rack-7/12", none, Compute::Unknown),
        ] {
            let node = serde_json::json!({
                "metadata": {"name": name, "labels": {label.0: label.1}},
                "spec": {"providerID": id}
            });
            expect(node, wanted);
        }
    }
}
