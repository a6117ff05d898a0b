//! What is said about the datapath of a node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::issue::{Issue, IssueKind};
use crate::facts::Cause;

/// Which datapath carries the pods' packets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatapathVerdict {
    /// What carries the packets of most pods that run now.
    pub cni: Cni,
    /// How it carries them: `vxlan`, `eni`, `secondary-ip`, `ebpf`, …; `unknown` when it could not
    /// be told.
    pub mode: String,
    /// What the next pod will get.
    pub next_pod: Cni,
    /// Who enforces network policy: `cilium`, `calico`, `aws-network-policy-agent`, …, `none`;
    /// `unknown` when it could not be told.
    pub policy_engine: String,
    /// How sure `cni` is.
    pub confidence: Confidence,
    /// What `cni` rests on.
    pub evidence: Vec<String>,
    /// What contradicts it, one sentence each; `issues` says more.
    pub conflicts: Vec<String>,
    /// What earlier datapaths left behind, one sentence each; `issues` says more.
    pub leftovers: Vec<String>,
    /// Every aspect of the mode that could be told: `routing`, `attach`, `device`, `host-routing`, …
    #[serde(default)]
    pub modes: BTreeMap<String, String>,
    /// How many pods were seen, and what carries each.
    #[serde(default)]
    pub pods: PodCount,
    /// Set while the present pods and the next one differ.
    #[serde(default)]
    pub migrating: Option<Migration>,
    /// How sure `next_pod` is and what it rests on.
    #[serde(default)]
    pub next: Answer,
    /// How sure `policy_engine` is and what it rests on.
    #[serde(default)]
    pub policy: Answer,
    /// Plug-ins and programs beside the datapath that are not it.
    #[serde(default)]
    pub companions: Vec<Companion>,
    /// Conflicts and leftovers, each with its remedy.
    #[serde(default)]
    pub issues: Vec<Issue>,
    /// What could not be read: it lowers the confidence, and nothing was taken for absent.
    #[serde(default)]
    pub unread: Vec<Unread>,
}

/// What can carry pods' packets.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
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
    /// Azure CNI powered by Cilium, or Cilium chained behind it.
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
    #[default]
    Unknown,
}

impl Cni {
    /// The word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cilium => "cilium",
            Self::AwsVpcCni => "aws-vpc-cni",
            Self::AwsVpcCniCilium => "aws-vpc-cni+cilium",
            Self::Calico => "calico",
            Self::Flannel => "flannel",
            Self::Canal => "canal",
            Self::Kindnet => "kindnet",
            Self::Antrea => "antrea",
            Self::OvnKubernetes => "ovn-kubernetes",
            Self::KubeOvn => "kube-ovn",
            Self::KubeRouter => "kube-router",
            Self::AzureCni => "azure-cni",
            Self::AzureCniCilium => "azure-cni+cilium",
            Self::GkeDataplaneV2 => "gke-dataplane-v2",
            Self::Weave => "weave",
            Self::Bridge => "bridge",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// Whether Cilium's programs are part of it.
    pub fn runs_cilium(self) -> bool {
        matches!(
            self,
            Self::Cilium | Self::AwsVpcCniCilium | Self::AzureCniCilium | Self::GkeDataplaneV2
        )
    }

    /// Whether it names a datapath, and not its absence or our ignorance.
    pub fn is_one(self) -> bool {
        !matches!(self, Self::None | Self::Unknown)
    }
}

impl std::fmt::Display for Cni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sure a detection is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Several independent signs agree.
    High,
    /// One strong sign.
    Medium,
    /// Weak signs only.
    Low,
    /// Nothing was detected.
    #[default]
    None,
}

impl Confidence {
    /// One step less sure; nothing detected stays so.
    #[must_use]
    pub fn lower(self) -> Self {
        match self {
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
            Self::None => Self::None,
        }
    }
}

/// How sure an answer is, and what it rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How sure.
    pub confidence: Confidence,
    /// The facts it rests on, one sentence each.
    pub evidence: Vec<String>,
}

/// The pods of a node, by what carries them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCount {
    /// Running pods with an address of their own.
    pub seen: u32,
    /// Those whose path through the kernel could be told.
    pub traced: u32,
    /// Traced pods by what carries them.
    pub by_cni: BTreeMap<Cni, u32>,
    /// Traced pods that have no program of Cilium while others here do: they started before it.
    pub unmanaged: u32,
}

/// The present pods and the next one differ: a state on the way, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// What carries the pods that have not moved.
    pub from: Cni,
    /// What new pods get.
    pub to: Cni,
    /// Pods that have not moved.
    pub pods_from: u32,
    /// Pods that are there already.
    pub pods_to: u32,
}

/// A plug-in or program that is beside the datapath.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// Its name: `multus`, `istio-cni`, `retina`, `nodelocaldns`, …
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What shows it, one sentence each.
    pub evidence: Vec<String>,
}

/// What is beside a datapath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A plug-in that calls others, or is called after them: Multus, Istio, Linkerd.
    MetaPlugin,
    /// Programs that look at packets and let them pass: Retina, Beyla, Inspektor Gadget.
    Observer,
    /// Anything else that shares hooks or addresses: NodeLocal DNSCache, EKS Pod Identity.
    Neighbour,
}

/// A part of the datapath that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Which part.
    pub area: Area,
    /// Why, in one sentence: `tcx programs: EPERM`.
    pub why: String,
    /// The same by its word.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// Parts of the host that the datapath is told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Links, addresses, neighbours.
    Links,
    /// Routes and rules.
    Routes,
    /// Programs on links and cgroups.
    Hooks,
    /// Names of loaded programs.
    Programs,
    /// Pinned objects.
    Pins,
    /// nftables.
    Nftables,
    /// Legacy iptables.
    Iptables,
    /// Sets of addresses.
    Ipsets,
    /// IPVS.
    Ipvs,
    /// CNI configuration.
    Cni,
    /// The pods of this node.
    Pods,
    /// Processes and units.
    Processes,
    /// Health endpoints and sockets.
    Endpoints,
}

/// Who can translate Services.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ProxyMode {
    /// kube-proxy by iptables.
    Iptables,
    /// IPVS: kube-proxy's, or kube-router's; `owner` says whose.
    Ipvs,
    /// kube-proxy by nftables.
    Nftables,
    /// Cilium's kube-proxy replacement.
    Cilium,
    /// Calico's eBPF datapath.
    Calico,
    /// Nobody.
    None,
    /// Could not tell; also where Open vSwitch does it, whose flows are not read: `owner` says so.
    #[default]
    Unknown,
}

impl ProxyMode {
    /// The word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
            Self::Cilium => "cilium",
            Self::Calico => "calico",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// Who translates Services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceProxyVerdict {
    /// Who does it.
    pub mode: ProxyMode,
    /// What it rests on.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Whose it is: `kube-proxy`, `cilium`, `calico`, `kube-router`, …; empty when nobody's.
    #[serde(default)]
    pub owner: String,
    /// How sure `mode` is.
    #[serde(default)]
    pub confidence: Confidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CNIS: [(Cni, &str); 18] = [
        (Cni::Cilium, "cilium"),
        (Cni::AwsVpcCni, "aws-vpc-cni"),
        (Cni::AwsVpcCniCilium, "aws-vpc-cni+cilium"),
        (Cni::Calico, "calico"),
        (Cni::Flannel, "flannel"),
        (Cni::Canal, "canal"),
        (Cni::Kindnet, "kindnet"),
        (Cni::Antrea, "antrea"),
        (Cni::OvnKubernetes, "ovn-kubernetes"),
        (Cni::KubeOvn, "kube-ovn"),
        (Cni::KubeRouter, "kube-router"),
        (Cni::AzureCni, "azure-cni"),
        (Cni::AzureCniCilium, "azure-cni+cilium"),
        (Cni::GkeDataplaneV2, "gke-dataplane-v2"),
        (Cni::Weave, "weave"),
        (Cni::Bridge, "bridge"),
        (Cni::None, "none"),
        (Cni::Unknown, "unknown"),
    ];

    /// The strings of DESIGN.md § 3.
    #[test]
    fn every_cni_is_written_as_the_contract_says() {
        for (cni, word) in CNIS {
            assert_eq!(serde_json::to_string(&cni).unwrap(), format!("\"{word}\""));
            assert_eq!(cni.as_str(), word);
        }
    }

    #[test]
    fn every_proxy_mode_is_written_as_the_contract_says() {
        use ProxyMode::{Calico, Cilium, Iptables, Ipvs, Nftables, None, Unknown};
        for mode in [Iptables, Ipvs, Nftables, Cilium, Calico, None, Unknown] {
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{}\"", mode.as_str()));
        }
    }

    /// A report of an older version has none of the newer fields.
    #[test]
    fn a_verdict_of_an_older_version_is_still_read() {
        let old = r#"{"cni":"unknown","mode":"unknown","next_pod":"unknown",
            "policy_engine":"unknown","confidence":"none","evidence":[],"conflicts":[],
            "leftovers":[]}"#;
        let verdict: DatapathVerdict = serde_json::from_str(old).unwrap();
        assert!(verdict.issues.is_empty() && verdict.migrating.is_none());
        let proxy: ServiceProxyVerdict = serde_json::from_str(r#"{"mode":"ipvs"}"#).unwrap();
        assert_eq!((proxy.mode, proxy.confidence), (ProxyMode::Ipvs, Confidence::None));
    }
}
