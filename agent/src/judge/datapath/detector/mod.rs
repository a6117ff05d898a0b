//! One detector a CNI: how a pod's way shows it, what it has in the kernel without pods, and its
//! modes.

mod antrea;
mod aws_vpc_cni;
mod aws_vpc_cni_cilium;
mod azure_cni;
mod azure_cni_cilium;
mod bridge;
mod calico;
mod canal;
mod cilium;
mod flannel;
mod gke;
mod kindnet;
mod kube_ovn;
mod kube_router;
mod ovn_kubernetes;
mod weave;

use std::collections::BTreeMap;

use super::next::Next;
use super::party::Party;
use super::scene::Scene;
use super::trace::Hop;
use crate::judge::report::Cni;

/// What is asked: one host, and what its next pod would get.
pub(super) struct Ask<'a, 'b> {
    pub(super) scene: &'b Scene<'a>,
    pub(super) next: &'b Next,
}

/// How one CNI is recognised.
pub(super) struct Detector {
    pub(super) cni: Cni,
    /// Who makes and keeps its datapath here.
    pub(super) party: Party,
    /// Whether a pod's way is its own, and what shows it: a clause without address or link.
    pub(super) carries: fn(&Ask<'_, '_>, &Hop<'_>) -> Option<String>,
    /// What it has in the kernel that works without any pod; `None`: nothing.
    pub(super) base: fn(&Ask<'_, '_>) -> Option<String>,
    /// How it carries packets.
    pub(super) modes: fn(&Ask<'_, '_>, &[Hop<'_>]) -> Modes,
}

/// All, in the order they are asked: what rests on another CNI's links before that CNI, and what
/// has its own names before what has only the plug-ins' common ones.
pub(super) const ALL: [Detector; 16] = [
    antrea::DETECTOR,
    ovn_kubernetes::DETECTOR,
    kube_ovn::DETECTOR,
    aws_vpc_cni_cilium::DETECTOR,
    azure_cni_cilium::DETECTOR,
    gke::DETECTOR,
    cilium::DETECTOR,
    canal::DETECTOR,
    calico::DETECTOR,
    aws_vpc_cni::DETECTOR,
    azure_cni::DETECTOR,
    weave::DETECTOR,
    kube_router::DETECTOR,
    flannel::DETECTOR,
    kindnet::DETECTOR,
    bridge::DETECTOR,
];

/// The detector of a CNI.
pub(super) fn of(cni: Cni) -> Option<&'static Detector> {
    ALL.iter().find(|it| it.cni == cni)
}

/// Whether something works without any pod, for a CNI of which nothing does.
fn no_base(_: &Ask<'_, '_>) -> Option<String> {
    None
}

/// How a datapath carries packets: the mode in one word, and every aspect that could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modes {
    pub(super) mode: String,
    pub(super) aspects: BTreeMap<String, String>,
}

impl Modes {
    /// A mode; empty: it could not be told.
    pub(super) fn new(mode: impl Into<String>) -> Self {
        let mode = mode.into();
        let mode = if mode.is_empty() { "unknown".to_owned() } else { mode };
        Self { mode, aspects: BTreeMap::new() }
    }

    /// One aspect more.
    pub(super) fn with(mut self, aspect: &str, value: impl Into<String>) -> Self {
        self.aspects.insert(aspect.to_owned(), value.into());
        self
    }

    /// One aspect more, if it could be told.
    pub(super) fn maybe(self, aspect: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(aspect, value),
            None => self,
        }
    }
}

/// The kind of tunnel device among these that is up and has a route or an address, and works.
fn tunnel<'a>(scene: &Scene<'_>, devices: &[(&str, &'a str)]) -> Option<&'a str> {
    let used = devices.iter().find(|(name, _)| {
        let link = scene.link(name);
        link.is_some_and(|it| it.is_up() && (scene.has_route_by(it) || scene.has_address(it)))
    });
    used.map(|it| it.1)
}

/// How this party's programs are attached on links: `tcx`, `netkit`, `tc`, `XDP`.
fn attach(scene: &Scene<'_>, party: Party) -> Option<&'static str> {
    use super::scene::Place;
    let places: Vec<Place> = scene
        .all_hooks()
        .filter(|(_, hook)| hook.owner == Some(party))
        .map(|(_, hook)| hook.place)
        .collect();
    let any = |wanted: fn(&Place) -> bool| places.iter().any(wanted);
    [
        (any(|it| matches!(it, Place::Tcx(_))), "tcx"),
        (any(|it| matches!(it, Place::Netkit(_))), "netkit"),
        (any(|it| matches!(it, Place::Tc(_))), "tc"),
        (any(|it| matches!(it, Place::Xdp(_))), "xdp"),
    ]
    .into_iter()
    .find_map(|(there, word)| there.then_some(word))
}

/// Whether a link is this bridge, or a port of it.
fn is_on(hop: &Hop<'_>, bridge: &str) -> bool {
    hop.link.name == bridge || hop.master.is_some_and(|it| it.name == bridge)
}

/// Whether a link is a port of Open vSwitch.
fn is_ovs_port(hop: &Hop<'_>) -> bool {
    hop.link.port_kind.as_deref() == Some("openvswitch")
        || hop.master.is_some_and(|it| it.name == "ovs-system")
}

/// Whether Cilium replaces kube-proxy; `None`: could not be told.
pub(super) fn cilium_replaces(scene: &Scene<'_>) -> Option<bool> {
    cilium::replaces(scene)
}

/// What Calico does its work with: `ebpf`, `nftables`, `iptables`.
pub(super) fn calico_dataplane(scene: &Scene<'_>) -> Option<&'static str> {
    calico::dataplane(scene)
}

/// Whether Calico's eBPF datapath is in the kernel.
pub(super) fn calico_is_ebpf(scene: &Scene<'_>) -> bool {
    calico::is_ebpf(scene)
}

/// Whether this is known to be a node of EKS Auto Mode.
pub(super) fn is_auto_mode(scene: &Scene<'_>) -> bool {
    aws_vpc_cni::is_auto_mode(scene.facts) == Some(true)
}
