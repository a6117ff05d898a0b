//! Azure CNI powered by Cilium, and Cilium chained behind Azure CNI.
//!
//! The first looks like Cilium in the kernel; only its addresses come from Azure, as its
//! configuration says.

use super::{Ask, Detector, Modes, azure_cni, cilium, no_base};
use crate::judge::datapath::next;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::AzureCniCilium, party: Party::Cilium, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    let there = cilium::has_programs(hop);
    if there && azure_cni::is_link(hop) {
        return Some("a pair of Azure CNI with Cilium's programs".into());
    }
    let own = hop.link.name.starts_with("lxc") || hop.link.name == "cilium_host";
    let both = next::may_take(&ask.scene.facts.cni, ask.next, Cni::AzureCniCilium);
    match (both && cilium::may_have_programs(ask, hop), own, azure_cni::is_link(hop)) {
        (true, true, _) => {
            Some("a link of Cilium's, and the configuration takes addresses from Azure".into())
        }
        (true, _, true) => Some(
            "a pair of Azure CNI; the configuration chains Cilium, whose programs could not be read"
                .into(),
        ),
        _ => None,
    }
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let chained = hops.iter().any(azure_cni::is_link);
    let mode = if chained { "chained" } else { "powered-by-cilium" };
    cilium::aspects(ask.scene, hops, Modes::new(mode))
}
