//! GKE Dataplane V2: pairs of the plug-in `ptp`, with Cilium's programs (`anetd`) on them.

use super::{Ask, Detector, Modes, cilium, no_base};
use crate::facts::routes::RuleAction;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::next;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::GkeDataplaneV2, party: Party::Cilium, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    let pair = ["veth", "gke"].iter().any(|it| hop.link.name.starts_with(it)) && hop.is_pair();
    if !pair || !cilium::has_programs(hop) {
        return None;
    }
    let sign = sign(ask, hop)?;
    Some(format!("a pair of ptp with Cilium's programs, and {sign}"))
}

/// What shows that this is GKE and not another chain of `ptp` and Cilium.
fn sign(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<&'static str> {
    let taken = next::may_take(&ask.scene.facts.cni, ask.next, Cni::GkeDataplaneV2);
    [
        (hop.link.name.starts_with("gke"), "GKE's link names"),
        (taken, "GKE's CNI configuration"),
        (has_netd_rules(ask.scene), "netd's rules"),
        (!netfilter::chains(ask.scene.facts, &["GCP-"]).is_empty(), "netd's chains"),
    ]
    .into_iter()
    .find_map(|(there, word)| there.then_some(word))
}

/// Rules 70 to 76 and table 1 (netd `pkg/config/config_policy_routing.go`).
fn has_netd_rules(scene: &Scene<'_>) -> bool {
    scene
        .fib
        .rules()
        .any(|it| (70..=76).contains(&it.priority) && matches!(it.action, RuleAction::Table(1)))
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    cilium::aspects(ask.scene, hops, Modes::new("ptp")).with("chaining", "generic-veth")
}
