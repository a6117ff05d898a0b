//! What is said about a node: the `NodeReport` of the JSON contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// Which datapath carries the pods' packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatapathVerdict {
    /// What carries them now.
    pub cni: Cni,
    /// The mode of that datapath; `unknown` until it is detected.
    pub mode: String,
    /// What the next pod will get.
    pub next_pod: Cni,
    /// Who enforces network policy; `unknown` until it is detected.
    pub policy_engine: String,
    /// How sure this is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// What contradicts it.
    pub conflicts: Vec<String>,
    /// What earlier datapaths left behind.
    pub leftovers: Vec<String>,
}

/// What can carry pods' packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cni {
    /// Cilium alone.
    Cilium,
    /// The AWS VPC CNI.
    AwsVpcCni,
    /// Cilium chained behind the AWS VPC CNI.
    #[serde(rename = "aws-vpc-cni+cilium")]
    AwsVpcCniCilium,
    /// Calico.
    Calico,
    /// Flannel.
    Flannel,
    /// Flannel with Calico's policy.
    Canal,
    /// kind's own.
    Kindnet,
    /// Antrea.
    Antrea,
    /// OVN-Kubernetes.
    OvnKubernetes,
    /// Kube-OVN.
    KubeOvn,
    /// kube-router.
    KubeRouter,
    /// Azure CNI.
    AzureCni,
    /// Azure CNI powered by Cilium.
    #[serde(rename = "azure-cni+cilium")]
    AzureCniCilium,
    /// GKE Dataplane V2.
    GkeDataplaneV2,
    /// Weave Net.
    Weave,
    /// The CNI reference plug-in `bridge`.
    Bridge,
    /// No datapath for pods.
    None,
    /// Could not tell.
    Unknown,
}

/// How sure a detection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Several independent signs agree.
    High,
    /// One strong sign.
    Medium,
    /// Weak signs only.
    Low,
    /// Nothing was detected.
    None,
}

/// Who can translate Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyMode {
    /// kube-proxy by iptables.
    Iptables,
    /// kube-proxy by IPVS.
    Ipvs,
    /// kube-proxy by nftables.
    Nftables,
    /// Cilium's kube-proxy replacement.
    Cilium,
    /// Calico's eBPF datapath.
    Calico,
    /// Nobody.
    None,
    /// Could not tell.
    Unknown,
}

/// Who translates Services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceProxyVerdict {
    /// Who does it.
    pub mode: ProxyMode,
    /// What it rests on.
    #[serde(default)]
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
