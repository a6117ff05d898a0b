//! kube-router: its bridge within a node, routes by BGP between nodes. Its chains alone are no
//! sign: k3s has only its policy part.

use super::{Ask, Detector, Modes, is_on, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::KubeRouter, party: Party::KubeRouter, carries, base: no_base, modes };

fn carries(_: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    is_on(hop, "kube-bridge").then(|| "on kube-router's bridge kube-bridge".into())
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    let tunnel = ask.scene.links().any(|it| {
        let named = it.name == "kube-tunnel-if" || it.name.starts_with("tun-");
        named && it.is_up()
    });
    Modes::new(if tunnel { "bgp+ipip" } else { "bgp" })
}
