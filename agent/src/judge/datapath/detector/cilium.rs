//! Cilium by itself, or chained on a CNI that has no value of its own with it.

use super::{Ask, Detector, Modes, attach};
use crate::facts::Observed;
use crate::facts::agents::{Process, SocketState};
use crate::facts::cilium::CiliumStatus;
use crate::facts::hooks::CgroupHook;
use crate::facts::links::Link;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::pods;
use crate::judge::datapath::scene::{Place, Scene};
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Cilium, party: Party::Cilium, carries, base, modes };

/// Its own links carry pods only with its programs on them: they stay after an uninstallation.
fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    let scene = ask.scene;
    let there = has_programs(hop);
    let unread = !scene.hooks_known() && !there;
    let own = hop.link.name == "cilium_host" || hop.link.name.starts_with("lxc");
    match (own, there, unread) {
        (_, true, _) if hop.link.name == "cilium_host" => {
            Some("by cilium_host, whose programs look pods up".into())
        }
        (true, true, _) => Some("a pair of Cilium's with its programs".into()),
        (true, false, true) => Some("a link of Cilium's; its programs could not be read".into()),
        (false, true, _) if hop.is_pair() => {
            Some("a pair of another plug-in with Cilium's programs".into())
        }
        _ if are_ports_managed(scene, hop) => {
            Some("on a bridge whose ports all have Cilium's programs".into())
        }
        _ => None,
    }
}

/// Chained on a plug-in with a bridge: the pod is behind one of the ports, whichever it is.
fn are_ports_managed(scene: &Scene<'_>, hop: &Hop<'_>) -> bool {
    let own = |it: &Link| scene.hooks(it).iter().any(|it| it.owner == Some(Party::Cilium));
    let mut ports = scene.ports_of(hop.link).filter(|it| pods::is_pair(it)).peekable();
    ports.peek().is_some() && ports.all(own)
}

/// Whether Cilium's programs are on the pod's link.
pub(super) fn has_programs(hop: &Hop<'_>) -> bool {
    hop.hooks.iter().any(|it| it.owner == Some(Party::Cilium))
}

/// Whether they may be: they are, or not every hook could be read.
pub(super) fn may_have_programs(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> bool {
    has_programs(hop) || !ask.scene.hooks_known()
}

/// Its router's pair and programs on it, or on an uplink.
fn base(ask: &Ask<'_, '_>) -> Option<String> {
    let links = ask.scene.links_with(Party::Cilium);
    let names: Vec<String> = links.iter().map(|it| it.name.clone()).collect();
    let router = ask.scene.link("cilium_host").is_some();
    (router && !names.is_empty())
        .then(|| format!("cilium_host is there and Cilium's programs are on {}", names.join(", ")))
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let mode = mode(ask.scene);
    aspects(ask.scene, hops, Modes::new(mode))
}

/// `vxlan`, `geneve`, `eni` or `native`: the agent's word, else the kernel's.
pub(super) fn mode(scene: &Scene<'_>) -> &'static str {
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let routing = status.and_then(|it| it.inter_host_routing.as_deref());
    let protocol = status.and_then(|it| it.tunnel_protocol.as_deref());
    match (routing, protocol) {
        (Some("Tunnel"), Some("geneve")) => "geneve",
        (Some("Tunnel"), _) => tunnel_device(scene).unwrap_or("vxlan"),
        (Some("Native"), _) if has_eni_rules(scene) => "eni",
        (Some("Native"), _) => "native",
        _ if has_eni_rules(scene) => "eni",
        _ => tunnel_device(scene).unwrap_or("native"),
    }
}

/// Its tunnel device with its programs; in native mode there is one only for single features.
fn tunnel_device(scene: &Scene<'_>) -> Option<&'static str> {
    [("cilium_vxlan", "vxlan"), ("cilium_geneve", "geneve")]
        .into_iter()
        .find_map(|(name, word)| scene.link(name).filter(|it| it.is_up()).map(|_| word))
}

/// Rules of ENI mode: from a pod's address to the table of its interface, 10 and its number
/// (`pkg/datapath/linux/linux_defaults`).
fn has_eni_rules(scene: &Scene<'_>) -> bool {
    scene.fib.rules().any(|it| matches!(it.priority, 110 | 111) && it.from.is_some())
}

/// Everything else that can be told of a Cilium, also of a chained one.
pub(super) fn aspects(scene: &Scene<'_>, hops: &[Hop<'_>], modes: Modes) -> Modes {
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let said =
        |of: fn(&CiliumStatus) -> Option<&String>| status.and_then(of).map(|it| it.to_lowercase());
    modes
        .maybe("attach", attach(scene, Party::Cilium).or(None))
        .maybe("device", device(scene, hops).or_else(|| said(|it| it.datapath_mode.as_ref())))
        .maybe("routing", said(|it| it.inter_host_routing.as_ref()))
        .maybe("host-routing", said(|it| it.intra_host_routing.as_ref()))
        .maybe("masquerading", said(|it| it.masquerading.as_ref()))
        .maybe("kube-proxy-replacement", replacement(scene))
        .maybe("socket-lb", socket_lb(scene))
        .maybe("xdp", xdp(scene).or_else(|| said(|it| it.xdp_acceleration.as_ref())))
        .maybe("encryption", said(|it| it.encryption.as_ref()).or_else(|| encryption(scene)))
        .maybe("hubble", said(|it| it.hubble.as_ref()).or_else(|| hubble(scene)))
        .maybe("envoy", said(|it| it.envoy.as_ref()).or_else(|| envoy(scene)))
        .maybe("dns-proxy", dns_proxy(scene))
        .maybe("host-firewall", said(|it| it.host_firewall.as_ref()))
        .maybe("chaining", said(|it| it.cni_chaining.as_ref()))
        .maybe("bandwidth-manager", status.and_then(|it| it.bandwidth_manager).map(on))
}

fn on(is: bool) -> &'static str {
    if is { "enabled" } else { "disabled" }
}

/// The kind of the pods' pairs; routes may lead to `cilium_host` for all of them.
fn device(scene: &Scene<'_>, hops: &[Hop<'_>]) -> Option<String> {
    let of_pod = hops.iter().find(|it| it.is_pair() && has_programs(it)).map(|it| it.link);
    let mut own = scene.links().filter(|it| it.name.starts_with("lxc") && pods::is_pair(it));
    of_pod.or_else(|| own.next())?.kind.clone()
}

/// The agent's word; else what its programs show.
fn replacement(scene: &Scene<'_>) -> Option<String> {
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let said = status.and_then(|it| it.kube_proxy_replacement.as_ref()).map(|it| it.to_lowercase());
    said.or_else(|| has_post_bind(scene).then(|| "true".to_owned()))
}

/// Whether Cilium replaces kube-proxy; `None`: could not be told.
///
/// Up to 1.13 the word for all of it is `Strict`, and `Partial` and `Probe` leave it to single
/// features (`option.KubeProxyReplacement*` of Cilium).
pub(super) fn replaces(scene: &Scene<'_>) -> Option<bool> {
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let Some(said) = status.and_then(|it| it.kube_proxy_replacement.as_deref()) else {
        return has_post_bind(scene).then_some(true);
    };
    let feature = |name: &str| status?.kube_proxy_features.get(name).copied();
    match said.to_lowercase().as_str() {
        "true" | "strict" => Some(true),
        "false" | "disabled" => Some(false),
        _ => Some(feature("socketLB")? && feature("nodePort")?),
    }
}

/// `cil_sock4_post_bind`, which Cilium attaches only with the replacement.
fn has_post_bind(scene: &Scene<'_>) -> bool {
    let bind = |place| matches!(place, Place::Cgroup(CgroupHook::CgroupInet4PostBind));
    scene.cgroup_hooks_of(Party::Cilium).iter().any(|it| bind(it.place))
}

fn socket_lb(scene: &Scene<'_>) -> Option<&'static str> {
    let connect = Place::Cgroup(CgroupHook::CgroupInet4Connect);
    let there = scene.cgroup_hooks_of(Party::Cilium).iter().any(|it| it.place == connect);
    (there || scene.cgroups_known()).then(|| on(there))
}

fn xdp(scene: &Scene<'_>) -> Option<String> {
    let mut hooks = scene.all_hooks().filter(|(_, it)| it.owner == Some(Party::Cilium));
    let mode = hooks.find_map(|(_, it)| match it.place {
        Place::Xdp(mode) => Some(mode),
        _ => None,
    })?;
    Some(format!("{mode:?}").to_lowercase())
}

fn encryption(scene: &Scene<'_>) -> Option<String> {
    scene.link("cilium_wg0").filter(|it| it.is_up()).map(|_| "wireguard".to_owned())
}

/// Its socket; the agent's own word says more.
fn hubble(scene: &Scene<'_>) -> Option<String> {
    let mut sockets = scene.facts.agents.sockets.iter();
    let listens = |it: &Observed<SocketState>| it.known() == Some(&SocketState::Listening);
    let there = sockets.any(|(path, it)| path.ends_with("cilium/hubble.sock") && listens(it));
    there.then(|| "enabled".to_owned())
}

/// Its process, embedded or of its own DaemonSet.
fn envoy(scene: &Scene<'_>) -> Option<String> {
    let mut processes = scene.facts.agents.processes.known()?.iter();
    let own = |it: &Process| it.comm == "cilium-envoy" && it.in_host_network != Some(false);
    processes.any(own).then(|| "enabled".to_owned())
}

/// Only a DNS proxy in use shows: in a redirect of that name, or in a rule that leads to it
/// (`pkg/datapath/iptables`).
fn dns_proxy(scene: &Scene<'_>) -> Option<&'static str> {
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let redirects = status.into_iter().flat_map(|it| &it.redirect_names);
    let led = || !netfilter::rules(scene.facts, |it| it.contains("cilium-dns-egress")).is_empty();
    let used = redirects.into_iter().any(|it| it.contains("dns")) || led();
    used.then_some("in use")
}
