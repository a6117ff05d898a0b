//! One pod's way: its address through rule and route to the link it is reached by, and the
//! programs there.

use core::net::IpAddr;

use super::fib::{self, Hit};
use super::pods::Pod;
use super::scene::{Hook, Scene};
use crate::facts::links::Link;
use crate::facts::routes::RouteKind;

/// A pod and the link that leads to it.
#[derive(Debug, Clone)]
pub(super) struct Hop<'a> {
    pub(super) pod: &'a Pod,
    /// The link by which packets to the pod leave the host's namespace, or enter the switch.
    pub(super) link: &'a Link,
    /// What the link is a port of.
    pub(super) master: Option<&'a Link>,
    /// The route to the pod; `None`: the link itself shows the pod.
    pub(super) route: Option<Hit<'a>>,
    /// Only packets from certain links are sent there (AWS branch ENI, strict mode).
    pub(super) by_input_rule: bool,
    /// Programs on the link.
    pub(super) hooks: Vec<Hook<'a>>,
}

impl Hop<'_> {
    /// The kind of the link; empty for a plain device.
    pub(super) fn kind(&self) -> &str {
        self.link.kind.as_deref().unwrap_or_default()
    }

    /// Whether the link is the pod's own end of a pair.
    pub(super) fn is_pair(&self) -> bool {
        super::pods::is_pair(self.link)
    }

    /// How the pod is reached, in words: `route to 10.0.0.7 by eni1234 (veth), table 254`.
    pub(super) fn words(&self) -> String {
        let kind = self.link.kind.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        let name = &self.link.name;
        match self.route {
            Some(hit) if self.by_input_rule => {
                let table = hit.route.table;
                format!("{} by {name}{kind}, table {table} by an iif rule", self.pod.called)
            }
            Some(_) => format!("{} by {name}{kind}", self.pod.called),
            None => format!("{name}{kind}"),
        }
    }
}

/// Where one pod is reached; `None`: not by this host's network stack.
pub(super) fn trace<'a>(scene: &Scene<'a>, pod: &'a Pod) -> Option<Hop<'a>> {
    if let Some(link) = pod.link.and_then(|it| scene.link_at(it)) {
        return Some(hop(scene, pod, link, None, false));
    }
    pod.addresses.iter().find_map(|it| by_address(scene, pod, *it))
}

fn by_address<'a>(scene: &Scene<'a>, pod: &'a Pod, address: IpAddr) -> Option<Hop<'a>> {
    let own = scene.fib.look_up(address).filter(|it| is_own(scene, it));
    let by_input = || scene.fib.by_input(address);
    let (hit, by_input_rule) = match own {
        Some(hit) => (hit, false),
        None => (by_input()?, true),
    };
    let link = scene.link_at(hit.route.link?)?;
    Some(hop(scene, pod, link, Some(hit), by_input_rule))
}

/// Whether a route leads to something of this host, and not away by an uplink.
fn is_own(scene: &Scene<'_>, hit: &Hit<'_>) -> bool {
    let Some(link) = hit.route.link.and_then(|it| scene.link_at(it)) else { return false };
    let virtual_link = link.kind.is_some() || is_internal_port(link);
    hit.route.kind == RouteKind::Unicast && !fib::is_default(hit.route) && virtual_link
}

/// Ports that Open vSwitch makes for the host itself name no kind before Linux 4.3, and a tap of
/// VPP is a `tun`.
fn is_internal_port(link: &Link) -> bool {
    ["antrea-gw", "ovn-k8s-mp", "ovn0", "vpptap"].iter().any(|it| link.name.starts_with(it))
}

fn hop<'a>(
    scene: &Scene<'a>,
    pod: &'a Pod,
    link: &'a Link,
    route: Option<Hit<'a>>,
    by_input_rule: bool,
) -> Hop<'a> {
    let (master, hooks) = (scene.master(link), scene.hooks(link).to_vec());
    Hop { pod, link, master, route, by_input_rule, hooks }
}
