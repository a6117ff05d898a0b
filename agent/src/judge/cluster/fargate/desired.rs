//! What ought to stand on Fargate's Nodes and Pods, so that people and tools see it there.

use super::{Assumption, is_fargate_pod};
use crate::facts::cluster::{Pod, Text};
use crate::judge::cluster::compute::Compute;
use crate::judge::cluster::nodes::{NodeLine, Source};
use crate::judge::report::Extent;

/// The condition's reason.
pub const REASON: &str = "FargateNoPrivilege";
/// The Event's reason.
pub const EVENT_REASON: &str = "EbpfUnsupported";
/// What to do about it.
pub const REMEDY: &str =
    "Workloads that need eBPF belong on nodes of Karpenter or of a managed node group.";

const LABELS: [(&str, &str); 4] = [
    ("ebpf", "none"),
    ("cilium-capable", "false"),
    ("cilium-ready", "false"),
    ("compute", "fargate"),
];

/// What ought to stand on a Fargate Node. Keys are without their prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeMarks {
    /// Labels.
    pub labels: &'static [(&'static str, &'static str)],
    /// Status of the condition `EbpfReady`.
    pub status: &'static str,
    /// Its reason.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
}

/// What ought to stand on this Node; `None`: nothing of ours. An agent that reports from there
/// writes its own marks.
pub fn node_marks(line: &NodeLine) -> Option<NodeMarks> {
    let ours = line.compute == Compute::Fargate
        && line.source == Source::Platform
        && line.ebpf == Extent::None;
    ours.then(|| NodeMarks {
        labels: &LABELS,
        status: "False",
        reason: REASON,
        message: format!(
            "Fargate grants no container the right to load eBPF programs, whatever the kernel ({}) \
             could do. {REMEDY}",
            line.kernel
        ),
    })
}

/// What ought to stand on a Fargate Pod: the value of annotation `ebpf`, empty: none; `None`: this pod
/// is left as it is.
///
/// `node` is the line of the node it runs on; without one yet, `assumed` is what will hold there.
pub fn pod_mark(pod: &Pod, node: Option<&NodeLine>, assumed: Assumption) -> Option<&'static str> {
    if !is_fargate_pod(pod) || super::is_over(pod) || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let assumed = match assumed {
        Assumption::None => Extent::None,
        Assumption::Unknown => Extent::Unknown,
    };
    match node.map_or(assumed, |it| it.ebpf) {
        Extent::None => Some("none"),
        Extent::Full => Some("full"),
        Extent::Partial => Some("partial"),
        Extent::Unknown => Some(""),
    }
}

/// What the Event on a pod says.
pub fn event_message(profile: Option<&Text>) -> String {
    let profile = profile.map(|it| format!(" (profile {it})")).unwrap_or_default();
    format!(
        "This pod runs on AWS Fargate{profile}: no eBPF program can be loaded there, no Cilium or \
         other eBPF agent sees it, and no network policy is enforced for it by eBPF. {REMEDY}"
    )
}
