//! kindnet: pairs of the plug-in `ptp`, each with a route; no bridge, no overlay, no eBPF.

use super::{Ask, Detector, Modes, no_base};
use crate::judge::datapath::netfilter;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Kindnet, party: Party::Kindnet, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if hop.link.name.starts_with("knet") && hop.is_pair() {
        return Some("a routed pair of kindnet".into());
    }
    let routed = hop.is_pair() && hop.master.is_none() && hop.route.is_some();
    if !routed || !hop.link.name.starts_with("veth") {
        return None;
    }
    let sign = sign(ask)?;
    Some(format!("a routed pair of ptp, and {sign}"))
}

/// Pairs of `ptp` have no name of their own.
fn sign(ask: &Ask<'_, '_>) -> Option<&'static str> {
    let facts = ask.scene.facts;
    let taken = ask.next.taken.as_ref().is_some_and(|(_, it)| it.cni == Cni::Kindnet);
    [
        (ask.scene.life(Party::Kindnet).is_alive(), "kindnetd runs"),
        (taken, "kindnet's CNI configuration"),
        (!netfilter::chains(facts, &["KIND-MASQ-AGENT"]).is_empty(), "kindnetd's chains"),
        (!netfilter::tables(facts, "kindnet").is_empty(), "kindnetd's tables"),
    ]
    .into_iter()
    .find_map(|(there, word)| there.then_some(word))
}

fn modes(_: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let own = hops.iter().any(|it| it.link.name.starts_with("knet"));
    Modes::new(if own { "kindnet-v1" } else { "ptp" })
}
