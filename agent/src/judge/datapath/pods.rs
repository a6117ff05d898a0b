//! The pods to trace: those that somebody names, or those that the kernel knows.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::scene::Scene;
use crate::facts::links::Link;
use crate::facts::pods::{NodePods, PodSource};
use crate::facts::routes::RouteKind;
use crate::facts::{Facts, Observed};

/// A pod's first seconds, in which its routes may not be there yet.
const SETTLING_SECONDS: u64 = 30;

/// One pod with an address of its own, or an address or link that must be a pod's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    /// `namespace/name`, an address, or a link.
    pub(super) called: String,
    pub(super) addresses: Vec<IpAddr>,
    /// The host's end of its pair, where no address leads there.
    pub(super) link: Option<u32>,
    /// When it started, in seconds since the Unix epoch.
    pub(super) started: Option<u64>,
    /// AWS gave it a branch ENI.
    pub(super) has_pod_eni: bool,
}

/// The pods, and whether all of them are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pods {
    pub(super) list: Vec<Pod>,
    /// Where they come from, for people.
    pub(super) source: &'static str,
    /// Whether somebody who knows all pods named them.
    pub(super) complete: bool,
}

/// The pods of this node that can be traced.
pub(super) fn pods(scene: &Scene<'_>) -> Pods {
    match &scene.facts.pods {
        Observed::Known(NodePods { source: PodSource::Api, .. }) => {
            Pods { list: named(scene.facts), source: "the API server", complete: true }
        }
        Observed::Known(NodePods { source: PodSource::Kernel, .. }) | Observed::Unknown(_) => {
            Pods { list: by_kernel(scene), source: "the kernel's routes", complete: false }
        }
    }
}

/// Running pods with an address of their own that had time to settle.
fn named(facts: &Facts) -> Vec<Pod> {
    let pods = facts.pods.known().into_iter().flat_map(|it| &it.pods);
    let settled = |started: Option<u64>| {
        started.is_none_or(|it| it + SETTLING_SECONDS <= facts.taken_at_seconds)
    };
    let eligible = pods.filter(|it| {
        !it.host_network && it.running && !it.addresses.is_empty() && settled(it.started_at_seconds)
    });
    eligible
        .map(|it| Pod {
            called: match (&it.namespace, &it.name) {
                (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
                _ => it.addresses[0].to_string(),
            },
            addresses: it.addresses.clone(),
            link: None,
            started: it.started_at_seconds,
            has_pod_eni: it.has_pod_eni,
        })
        .collect()
}

/// Addresses with a host route to a pair, neighbours on bridges of taps, what Cilium's agent
/// allocated, and ports and pairs of pods that no address leads to.
fn by_kernel(scene: &Scene<'_>) -> Vec<Pod> {
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    addresses.extend(host_routes(scene));
    addresses.extend(neighbours(scene));
    addresses.extend(allocations(scene.facts));
    let of_address = |it: &IpAddr| Pod {
        called: it.to_string(),
        addresses: vec![*it],
        link: None,
        started: None,
        has_pod_eni: false,
    };
    let mut pods: Vec<Pod> = addresses.iter().map(of_address).collect();
    let reached: BTreeSet<u32> =
        addresses.iter().filter_map(|it| scene.fib.look_up(*it)?.route.link).collect();
    let unreached = scene.links().filter(|it| is_end_of_pod(scene, it));
    pods.extend(unreached.filter(|it| !reached.contains(&it.index)).map(of_link));
    pods
}

fn of_link(link: &Link) -> Pod {
    Pod {
        called: link.name.clone(),
        addresses: Vec::new(),
        link: Some(link.index),
        started: None,
        has_pod_eni: false,
    }
}

fn host_routes(scene: &Scene<'_>) -> impl Iterator<Item = IpAddr> {
    let routes = scene.fib.host_routes().filter(|it| {
        let link = it.link.and_then(|index| scene.link_at(index));
        let pair = link.is_some_and(|it| is_pair(it) && !scene.is_uplink(it));
        it.kind == RouteKind::Unicast && it.gateway.is_none() && pair
    });
    routes.map(|it| it.destination.address).filter(|it| !is_link_local(it))
}

/// Whether it is the kind of interface whose other end is in a pod; the pairs that Cilium and Calico
/// have for themselves are not.
pub(super) fn is_pair(link: &Link) -> bool {
    let pair = matches!(link.kind.as_deref(), Some("veth" | "netkit"));
    let own = ["lxc_health", "bpfin.cali", "bpfout.cali"].contains(&link.name.as_str());
    pair && !link.name.starts_with("cilium_") && !own
}

/// Neighbours that answered on a bridge whose ports are no pairs: taps of virtual machines, which
/// show no end in a pod. A neighbour may outlive its pod, a port does not.
fn neighbours(scene: &Scene<'_>) -> impl Iterator<Item = IpAddr> {
    const FAILED_OR_INCOMPLETE: u16 = 0x20 | 0x01;
    let all = scene.facts.network.neighbors.known().into_iter().flatten();
    let on_bridge = all.filter(|it| {
        let bridge = scene.link_at(it.link).filter(|it| is_bridge_of_pods(it));
        let ports = bridge.map(|it| (scene.ports(it), scene.links().any(|port| is_port(port, it))));
        let answered = it.mac.is_some() && it.state & FAILED_OR_INCOMPLETE == 0;
        answered && ports.is_some_and(|(ports, pairs)| ports > 0 && !pairs)
    });
    on_bridge.map(|it| it.address).filter(|it| !is_link_local(it))
}

/// Bridges of Docker, Podman, nerdctl, libvirt, LXC, LXD and Incus have containers and machines that
/// are no pods.
const OF_OTHERS: &[&str] =
    &["docker", "podman", "cni-podman", "nerdctl", "virbr", "lxcbr", "lxdbr", "incusbr", "vmbr"];

fn is_bridge_of_pods(link: &Link) -> bool {
    let name = link.name.as_str();
    let of_others = OF_OTHERS.iter().any(|it| name.starts_with(it)) || is_docker_network(name);
    link.kind.as_deref() == Some("bridge") && !of_others
}

/// `br-` and the first 12 digits of the network's id, as Docker and nerdctl name bridges of networks
/// that people make.
fn is_docker_network(name: &str) -> bool {
    let id = name.strip_prefix("br-").unwrap_or_default();
    id.len() == 12 && id.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Whether a link is a bridge's port whose other end is in another namespace.
fn is_port(link: &Link, bridge: &Link) -> bool {
    link.master == Some(bridge.index) && is_pair(link) && link.peer_namespace.is_some()
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.is_unicast_link_local(),
    }
}

/// What Cilium's agent gave to pods; its own router, health and ingress addresses are none.
fn allocations(facts: &Facts) -> impl Iterator<Item = IpAddr> {
    let status = facts.cilium.known().and_then(Option::as_ref);
    let all = status.into_iter().flat_map(|it| &it.allocations);
    all.filter(|(_, owner)| owner.contains('/')).filter_map(|(address, _)| address.parse().ok())
}

/// A pair of Cilium's pods, or a port of a bridge or of Open vSwitch. None has a route of its own:
/// Cilium, the bridge or the switch looks addresses up by itself.
fn is_end_of_pod(scene: &Scene<'_>, link: &Link) -> bool {
    let cilium = link.name.starts_with("lxc");
    let port =
        scene.master(link).is_some_and(|it| it.name == "ovs-system" || is_bridge_of_pods(it));
    is_pair(link) && link.peer_namespace.is_some() && (cilium || port)
}
