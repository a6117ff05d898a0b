//! Flannel: the plug-in `bridge` within a node, its own device or plain routes between nodes.

use super::{Ask, Detector, Modes, is_on, no_base};
use crate::facts::links::Link;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Flannel, party: Party::Flannel, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if !is_on(hop, "cni0") {
        return None;
    }
    let sign = sign(ask)?;
    Some(format!("on the bridge cni0, and {sign}"))
}

/// What shows that the bridge is Flannel's. Its device stays behind, so it counts only while its
/// agent may live; k3s runs Flannel within its own process.
fn sign(ask: &Ask<'_, '_>) -> Option<String> {
    let scene = ask.scene;
    if scene.life(Party::Flannel).is_alive() {
        return Some("flanneld runs".into());
    }
    let taken = ask.next.taken.as_ref().filter(|(_, it)| it.cni == Cni::Flannel);
    if let Some((path, _)) = taken {
        return Some(format!("{path} names Flannel"));
    }
    let device = device(scene)?;
    let leads = device.is_up() && scene.has_route_by(device);
    let may_live = !scene.life(Party::Flannel).is_dead();
    (leads && may_live).then(|| format!("{} leads to other nodes", device.name))
}

/// Its device to other nodes.
pub(super) fn device<'a>(scene: &Scene<'a>) -> Option<&'a Link> {
    let mut links = scene.links();
    links.find(|it| it.name.starts_with("flannel.") || it.name.starts_with("flannel-"))
}

/// `vxlan`, `wireguard`, `ipip` by the kind of its device; without one it is `host-gw`.
pub(super) fn backend(scene: &Scene<'_>) -> &'static str {
    match device(scene).and_then(|it| it.kind.as_deref()) {
        Some("vxlan") => "vxlan",
        Some("wireguard") => "wireguard",
        Some("ipip") => "ipip",
        Some(_) => "unknown",
        None => "host-gw",
    }
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    Modes::new(backend(ask.scene))
}
