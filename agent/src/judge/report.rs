//! What is said about a node: the `NodeReport` of the JSON contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::datapath::verdict::{
    Answer, Area, Cni, Companion, Confidence, DatapathVerdict, Issue, IssueKind, Migration,
    PodCount, ProxyMode, Role, ServiceProxyVerdict, Unread,
};
pub use super::reason::Reason;
pub use super::release::Release;
use crate::facts::Facts;

/// Group and version of every JSON document; fields are only ever added.
pub const API_VERSION: &str = "bpfready.io/v1";

/// One node: what was seen and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `NodeReport`.
    pub kind: String,
    /// The snapshot.
    pub facts: Facts,
    /// The judgement.
    pub verdict: Verdict,
}

impl NodeReport {
    /// A report of these facts and this verdict.
    pub fn new(facts: Facts, verdict: Verdict) -> Self {
        Self { api_version: API_VERSION.into(), kind: "NodeReport".into(), facts, verdict }
    }
}

/// Yes, no, or could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ternary {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// Could not tell.
    Unknown,
}

/// How much of something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Full,
    /// Some of it.
    Partial,
    /// None of it.
    None,
    /// Could not tell.
    Unknown,
}

/// The judgement of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the kernel can do.
    pub ebpf: EbpfVerdict,
    /// Which datapath carries the pods' packets.
    pub datapath: DatapathVerdict,
    /// Who translates Services.
    pub service_proxy: ServiceProxyVerdict,
    /// What Cilium would find here.
    pub cilium: CiliumVerdict,
    /// Every rule that was asked, in the order they are told.
    pub findings: Vec<Finding>,
}

/// What the kernel can do with eBPF, by use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EbpfVerdict {
    /// All three together.
    pub status: Extent,
    /// Packet programs: tc, XDP, cgroup sockets, their maps and helpers.
    pub datapath: Extent,
    /// kprobe, tracepoint, perf and trampoline programs.
    pub tracing: Extent,
    /// BPF LSM.
    pub lsm: Extent,
    /// Why `datapath` is what it is.
    pub datapath_why: Explanation,
    /// Why `tracing` is what it is.
    pub tracing_why: Explanation,
    /// Why `lsm` is what it is.
    pub lsm_why: Explanation,
}

/// A reason and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// One of a closed list.
    pub reason: Reason,
    /// The facts it rests on, one sentence each.
    pub evidence: Vec<String>,
}

/// What Cilium would find here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CiliumVerdict {
    /// The release the verdict is about.
    pub target: Release,
    /// Whether `target` can run here.
    pub capable: Ternary,
    /// Whether Cilium runs here, healthy.
    pub ready: Ternary,
    /// Why `ready` is what it is.
    #[serde(default)]
    pub ready_why: Option<Explanation>,
    /// What makes it ready; empty when there is nothing to do.
    #[serde(default)]
    pub ready_remedy: String,
    /// The release that runs here, by its own word; `None`: none runs, or it does not say.
    #[serde(default)]
    pub running: Option<Release>,
    /// Each known release, and whether it can run here.
    pub releases: BTreeMap<Release, Ternary>,
    /// For each known release that is not `yes`: ids of the findings and requirements in the way,
    /// first what is proven absent.
    #[serde(default)]
    pub blockers: BTreeMap<Release, Vec<String>>,
    /// Each advanced feature of `target`.
    pub features: BTreeMap<String, FeatureVerdict>,
    /// What the given Cilium values ask of this node; empty when none were given.
    #[serde(default)]
    pub values: Vec<Finding>,
    /// Names of given values that this version does not judge.
    #[serde(default)]
    pub values_not_judged: Vec<String>,
}

/// One Cilium feature on this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureVerdict {
    /// Whether it works here.
    pub status: FeatureStatus,
    /// One of a closed list: see [`Reason`].
    pub reason: Reason,
    /// What it rests on, one sentence each.
    pub evidence: Vec<String>,
    /// Name for people, such as `Bandwidth manager`.
    #[serde(default)]
    pub title: String,
    /// First kernel that Cilium documents for it; empty when it documents none. Never decides.
    #[serde(default)]
    pub kernel: String,
    /// Combination rules and fallbacks of Cilium, one sentence each.
    #[serde(default)]
    pub caveats: Vec<String>,
}

/// Whether a feature works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureStatus {
    /// It works.
    Supported,
    /// It does not.
    Unsupported,
    /// Could not tell.
    Unknown,
}

/// One rule's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id, such as `btf-available`.
    pub rule: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How much a failure matters.
    #[serde(default)]
    pub severity: Severity,
    /// One of a closed list.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// The facts it rests on, one sentence each.
    pub evidence: Vec<String>,
    /// The Cilium value that asks for it, such as `bandwidthManager.bbr=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// How much a failure matters. Only `blocking` counts against `cilium.capable`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Cilium does not start.
    Blocking,
    /// Cilium starts with less than was asked, or loses something.
    Degraded,
    /// Worth knowing.
    #[default]
    Advisory,
}

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// Could not tell; never counts as a pass.
    Undetermined,
    /// The question does not arise here.
    NotApplicable,
}
