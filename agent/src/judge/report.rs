//! What is said about a node: the `NodeReport` of the JSON contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

/// Which datapath carries the pods' packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatapathVerdict {
    /// What carries them now; a closed list, `unknown` until it is detected.
    pub cni: String,
    /// The mode of that datapath.
    pub mode: String,
    /// What the next pod will get.
    pub next_pod: String,
    /// Who enforces network policy.
    pub policy_engine: String,
    /// How sure this is.
    pub confidence: String,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// What contradicts it.
    pub conflicts: Vec<String>,
    /// What earlier datapaths left behind.
    pub leftovers: Vec<String>,
}

/// Who translates Services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceProxyVerdict {
    /// A closed list, `unknown` until it is detected.
    pub mode: String,
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
    /// Each advanced feature of `target`.
    pub features: BTreeMap<String, FeatureVerdict>,
}

/// A Cilium minor release, such as 1.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Major number.
    pub major: u16,
    /// Minor number.
    pub minor: u16,
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

/// Why, as a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing is in the way.
    Supported,
}

/// One rule's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id, such as `btf-available`.
    pub rule: String,
    /// How it ended.
    pub outcome: Outcome,
    /// One of a closed list.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// The facts it rests on, one sentence each.
    pub evidence: Vec<String>,
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

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Release {
    type Err = String;

    /// Parses `1.18`; a leading `v` and a patch number are allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a Cilium release such as 1.18, found {text:?}");
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut number = || parts.next().and_then(|it| it.parse().ok()).ok_or_else(wrong);
        let release = Self { major: number()?, minor: number()? };
        match (parts.next().map(str::parse::<u16>), parts.next()) {
            (None | Some(Ok(_)), None) => Ok(release),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Release {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Release {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
