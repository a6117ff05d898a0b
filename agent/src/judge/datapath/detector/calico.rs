//! Calico: a routed pair a pod, by veth or netkit; or VPP, where no pod's link is on the host.

use super::{Ask, Detector, Modes, attach, no_base, tunnel};
use crate::facts::firewall::Family;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Calico, party: Party::Calico, carries, base: no_base, modes };

fn carries(_: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if hop.link.name.starts_with("vpptap") {
        return Some("by VPP's tap: the host's own stack does not see pods".into());
    }
    is_link(hop).then(|| "a routed pair of Calico".into())
}

/// Whether the pod's link is one of its pairs.
pub(super) fn is_link(hop: &Hop<'_>) -> bool {
    hop.link.name.starts_with("cali") && hop.is_pair()
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let scene = ask.scene;
    let vpp = hops.iter().any(|it| it.link.name.starts_with("vpptap"));
    let mode = if vpp { Some("vpp") } else { dataplane(scene) };
    Modes::new(mode.unwrap_or_default())
        .maybe("attach", attach(scene, Party::Calico))
        .with("encapsulation", encapsulation(scene))
        .maybe("device", hops.iter().find(|it| is_link(it)).map(|it| it.kind().to_owned()))
        .maybe("encryption", wireguard(scene))
}

/// `ebpf`, `nftables` or `iptables`, by what it keeps in the kernel.
pub(in crate::judge::datapath) fn dataplane(scene: &Scene<'_>) -> Option<&'static str> {
    if is_ebpf(scene) {
        return Some("ebpf");
    }
    let families = [Family::Ip, Family::Ip6, Family::Inet];
    if netfilter::table(scene.facts, &families, "calico").is_some() {
        return Some("nftables");
    }
    (!netfilter::chains(scene.facts, &["cali-"]).is_empty()).then_some("iptables")
}

/// Its own pair for packets of Services, or its programs on a link that is not XDP's alone:
/// iptables mode may use XDP, too.
pub(in crate::judge::datapath) fn is_ebpf(scene: &Scene<'_>) -> bool {
    let pair = scene.link("bpfin.cali").is_some();
    pair || attach(scene, Party::Calico).is_some_and(|it| it != "xdp")
}

/// `tunl0` alone is only the kernel module's own device: it counts with a route or an address.
fn encapsulation(scene: &Scene<'_>) -> &'static str {
    let devices = [("vxlan.calico", "vxlan"), ("vxlan-v6.calico", "vxlan"), ("tunl0", "ipip")];
    tunnel(scene, &devices).unwrap_or("none")
}

fn wireguard(scene: &Scene<'_>) -> Option<&'static str> {
    tunnel(scene, &[("wireguard.cali", "wireguard"), ("wg-v6.cali", "wireguard")])
}
