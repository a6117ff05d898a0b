//! What the API server says about a cluster, trimmed to what is judged.
//!
//! The types mirror the shape of Kubernetes' objects, so the same derive reads an answer of the API
//! server, a file of `kubectl get -o yaml` and a test's object. Fields that nobody judges are
//! skipped while reading; [`Trim`] drops what only some objects need, and [`Interner`] makes equal
//! strings share their memory: 5,000 nodes and 10,000 Fargate pods stay within some megabytes.

pub mod cilium;
pub mod condition;
pub mod karpenter;
pub mod meta;
pub mod node;
pub mod pod;
pub mod selector;
pub mod text;
pub mod time;
pub mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Observed;
use cilium::{CiliumConfig, CiliumNode, CiliumNodeConfig, Crd};
use karpenter::{NodeClaim, NodePool};
pub use meta::Meta;
pub use node::Node;
pub use pod::Pod;
pub use text::{Interner, Labels, Text, Trim};
pub use time::Time;
use workload::{DaemonSet, Deployment, NetworkPolicy};

/// One look at a cluster. Every part is known, or unknown with a cause: a right that is missing
/// costs one part only.
///
/// `Known(None)` of the optional kinds: the API server does not serve the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// When the look began, in seconds since the Unix epoch (clock of the reader).
    pub taken_at_seconds: u64,
    /// `gitVersion` of the API server.
    pub version: Observed<Text>,
    /// All Nodes.
    pub nodes: Observed<Vec<Node>>,
    /// Pods with the label `eks.amazonaws.com/fargate-profile`, whichever their phase.
    pub fargate_pods: Observed<Vec<Pod>>,
    /// Pods of DaemonSets in phase `Pending`.
    pub pending_pods: Observed<Vec<Pod>>,
    /// Pods with the label `k8s-app=cilium`.
    pub cilium_pods: Observed<Vec<Pod>>,
    /// Pods with the label `k8s-app=aws-node`.
    pub vpc_cni_pods: Observed<Vec<Pod>>,
    /// Pods of our own agent.
    pub agent_pods: Observed<Vec<Pod>>,
    /// All DaemonSets.
    pub daemon_sets: Observed<Vec<DaemonSet>>,
    /// Deployments that say where their pods may run, and Cilium's operator.
    pub deployments: Observed<Vec<Deployment>>,
    /// All NetworkPolicies of Kubernetes, and those of Cilium.
    pub network_policies: Observed<Vec<NetworkPolicy>>,
    /// CustomResourceDefinitions of Cilium and Karpenter.
    pub crds: Observed<Vec<Crd>>,
    /// Each API group that is served, with its versions, the preferred one first.
    pub served: Observed<BTreeMap<Text, Vec<Text>>>,
    /// Karpenter's NodePools.
    pub node_pools: Observed<Option<Vec<NodePool>>>,
    /// Karpenter's NodeClaims.
    pub node_claims: Observed<Option<Vec<NodeClaim>>>,
    /// Cilium's own object for each node that an agent of it registered.
    pub cilium_nodes: Observed<Option<Vec<CiliumNode>>>,
    /// Configuration for some nodes: the migration guide's marker.
    pub cilium_node_configs: Observed<Option<Vec<CiliumNodeConfig>>>,
    /// The ConfigMap `cilium-config`; `Known(None)`: there is none.
    pub cilium_config: Observed<Option<CiliumConfig>>,
    /// Whether the webhook is there that EKS makes with the first Fargate profile.
    pub fargate_webhook: Observed<bool>,
}

impl Cluster {
    /// A cluster of which nothing was read yet.
    pub fn not_read(taken_at_seconds: u64) -> Self {
        fn part<T>() -> Observed<T> {
            Observed::unknown(super::Cause::Prerequisite, "not read yet")
        }
        Self {
            taken_at_seconds,
            version: part(),
            nodes: part(),
            fargate_pods: part(),
            pending_pods: part(),
            cilium_pods: part(),
            vpc_cni_pods: part(),
            agent_pods: part(),
            daemon_sets: part(),
            deployments: part(),
            network_policies: part(),
            crds: part(),
            served: part(),
            node_pools: part(),
            node_claims: part(),
            cilium_nodes: part(),
            cilium_node_configs: part(),
            cilium_config: part(),
            fargate_webhook: part(),
        }
    }

    /// What a part holds, or nothing; only for questions where a missing part is told elsewhere.
    pub fn known<T>(part: &Observed<Vec<T>>) -> &[T] {
        part.known().map_or(&[], Vec::as_slice)
    }

    /// As [`Self::known`], for kinds that need not be served.
    pub fn known_kind<T>(part: &Observed<Option<Vec<T>>>) -> &[T] {
        part.known().and_then(Option::as_ref).map_or(&[], Vec::as_slice)
    }

    /// Every part that could not be read and on which something rests: its name, and why.
    pub fn failures(&self) -> Vec<(&'static str, &super::Failure)> {
        let parts: [(&'static str, Option<&super::Failure>); 17] = [
            ("nodes", self.nodes.failure()),
            ("fargate pods", self.fargate_pods.failure()),
            ("pending pods", self.pending_pods.failure()),
            ("Cilium pods", self.cilium_pods.failure()),
            ("VPC CNI pods", self.vpc_cni_pods.failure()),
            ("agents' pods", self.agent_pods.failure()),
            ("daemonsets", self.daemon_sets.failure()),
            ("deployments", self.deployments.failure()),
            ("networkpolicies", self.network_policies.failure()),
            ("customresourcedefinitions", self.crds.failure()),
            ("API groups", self.served.failure()),
            ("nodepools", self.node_pools.failure()),
            ("nodeclaims", self.node_claims.failure()),
            ("ciliumnodes", self.cilium_nodes.failure()),
            ("ciliumnodeconfigs", self.cilium_node_configs.failure()),
            ("configmap cilium-config", self.cilium_config.failure()),
            ("Fargate's webhook", self.fargate_webhook.failure()),
        ];
        parts.into_iter().filter_map(|(name, failure)| Some((name, failure?))).collect()
    }
}
