//! The pods of this node, as far as somebody tells us.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The pods of this node and whose word that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePods {
    /// Whose word it is.
    pub source: PodSource,
    /// Pods in no order.
    pub pods: Vec<Pod>,
}

/// Who told which pods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodSource {
    /// The API server: complete, with names and phases.
    Api,
    /// The kernel's routes and neighbours: addresses that lead to a link of a pod. Complete only
    /// where the CNI gives each pod a route or neighbour in the host's namespace.
    Kernel,
}

/// One pod, or an address that is a pod's by the kernel's routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// `metadata.namespace`; `None`: only the API server knows.
    pub namespace: Option<String>,
    /// `metadata.name`, likewise.
    pub name: Option<String>,
    /// `status.podIPs`; empty: it has none yet.
    pub addresses: Vec<IpAddr>,
    /// `spec.hostNetwork`: it has no datapath of its own.
    pub host_network: bool,
    /// `status.phase` is `Running`.
    pub running: bool,
    /// `status.startTime`, in seconds since the Unix epoch (clock of the kubelet's host).
    pub started_at_seconds: Option<u64>,
    /// The pod's annotation `vpc.amazonaws.com/pod-eni` is set: a branch ENI of AWS VPC CNI.
    pub has_pod_eni: bool,
}
