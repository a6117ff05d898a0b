//! Azure CNI by itself: a routed pair a pod, or the bridge of old node images.

use super::{Ask, Detector, Modes, is_on, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::datapath::{next, plugins};
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::AzureCni, party: Party::AzureCni, carries, base: no_base, modes };

fn carries(_: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if is_on(hop, "azure0") {
        return Some("on Azure CNI's bridge azure0".into());
    }
    is_link(hop).then(|| "a routed pair of Azure CNI".into())
}

/// Whether the pod's link is one of its pairs (`azv` and a hash).
pub(super) fn is_link(hop: &Hop<'_>) -> bool {
    hop.link.name.starts_with("azv") && hop.is_pair()
}

pub(super) fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    if hops.iter().any(|it| is_on(it, "azure0")) {
        return Modes::new("bridge");
    }
    let networks = next::networks(&ask.scene.facts.cni);
    let plugins = networks.iter().filter_map(|(_, it)| it.unwrapped()).flatten();
    let mut own = plugins.filter(|it| it.plugin_type == "azure-vnet");
    // `v4overlay`, `dualStackOverlay`, `overlay`; pods of a subnet's own have the IPAM without one
    // (`cns/cniconflist/generator_linux.go` of azure-container-networking).
    let overlay = own.any(|it| {
        let mode = plugins::setting(it, "ipam.mode").unwrap_or_default();
        mode.to_lowercase().contains("overlay")
    });
    Modes::new(if overlay { "overlay" } else { "transparent" })
}
