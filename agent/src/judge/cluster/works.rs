//! What works on a node: now, and with the Cilium in question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::nodes::NodeLine;
use crate::facts::Observed;
use crate::facts::cluster::cilium::CiliumConfig;
use crate::judge::report::{Cni, FeatureStatus, ProxyMode, Ternary};

/// The features of the matrix, by their names in a NodeReport.
pub const WORKS: [&str; 5] =
    ["ebpf-datapath", "hubble", "l7-policy", "fqdn-filtering", "kube-proxy-replacement"];

/// How many nodes of a row answer so.
pub type Tally<K> = BTreeMap<K, usize>;

/// One feature on the nodes of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Works {
    /// Nodes where it works now.
    pub now: Tally<Ternary>,
    /// Nodes whose kernel lets the target Cilium do it.
    pub possible: Tally<Ternary>,
}

/// Counts the features on these nodes.
pub(super) fn works<'a>(
    nodes: impl Iterator<Item = &'a NodeLine>,
    config: &Observed<Option<CiliumConfig>>,
) -> BTreeMap<String, Works> {
    let mut all: BTreeMap<String, Works> =
        WORKS.iter().map(|it| ((*it).to_owned(), Works::default())).collect();
    for node in nodes {
        for (name, works) in &mut all {
            *works.now.entry(now(name, node, config)).or_default() += 1;
            *works.possible.entry(possible(name, node)).or_default() += 1;
        }
    }
    all
}

/// Whether the kernel lets the target do it: the agent's answer, or the platform's no.
fn possible(feature: &str, node: &NodeLine) -> Ternary {
    if !node.allows_cilium {
        return Ternary::No;
    }
    match node.measured.as_ref().and_then(|it| it.features.get(feature)) {
        Some(FeatureStatus::Supported) => Ternary::Yes,
        Some(FeatureStatus::Unsupported) => Ternary::No,
        Some(FeatureStatus::Unknown) | None => Ternary::Unknown,
    }
}

/// Whether it works there now.
fn now(feature: &str, node: &NodeLine, config: &Observed<Option<CiliumConfig>>) -> Ternary {
    if node.ebpf == crate::judge::report::Extent::None {
        return Ternary::No;
    }
    match feature {
        "ebpf-datapath" => datapath(node),
        "hubble" => and(cilium(node), switched_on(config, "enable-hubble", false)),
        // FQDN policies are enforced by the DNS proxy, which is a part of the L7 proxy.
        "l7-policy" | "fqdn-filtering" => {
            and(cilium(node), switched_on(config, "enable-l7-proxy", true))
        }
        _ => proxy(node.service_proxy),
    }
}

fn proxy(mode: ProxyMode) -> Ternary {
    match mode {
        ProxyMode::Cilium => Ternary::Yes,
        ProxyMode::Unknown => Ternary::Unknown,
        ProxyMode::Iptables
        | ProxyMode::Ipvs
        | ProxyMode::Nftables
        | ProxyMode::Calico
        | ProxyMode::None => Ternary::No,
    }
}

/// Whether eBPF programs carry the pods' packets.
fn datapath(node: &NodeLine) -> Ternary {
    match node.datapath {
        Cni::Calico if node.mode.to_lowercase().contains("bpf") => Ternary::Yes,
        Cni::GkeDataplaneV2 => Ternary::Yes,
        _ => cilium(node),
    }
}

/// Whether Cilium carries them, healthy.
fn cilium(node: &NodeLine) -> Ternary {
    match node.datapath {
        Cni::Cilium | Cni::AwsVpcCniCilium | Cni::AzureCniCilium => node.cilium_ready,
        Cni::Unknown => Ternary::Unknown,
        _ => Ternary::No,
    }
}

/// A switch of Cilium's configuration; what the agent does when it is not given is `default`.
fn switched_on(config: &Observed<Option<CiliumConfig>>, key: &str, default: bool) -> Ternary {
    let Observed::Known(Some(config)) = config else { return Ternary::Unknown };
    let on = config.data.get(key).map_or(default, |it| it == "true");
    if on { Ternary::Yes } else { Ternary::No }
}

fn and(one: Ternary, other: Ternary) -> Ternary {
    match (one, other) {
        (Ternary::No, _) | (_, Ternary::No) => Ternary::No,
        (Ternary::Yes, Ternary::Yes) => Ternary::Yes,
        (Ternary::Unknown, _) | (_, Ternary::Unknown) => Ternary::Unknown,
    }
}
