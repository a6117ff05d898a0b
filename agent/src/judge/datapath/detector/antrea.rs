//! Antrea: pods are ports of Open vSwitch; also on another CNI's pairs (policy only), where the
//! packets go through the switch all the same.

use super::{Ask, Detector, Modes, aws_vpc_cni, azure_cni, is_ovs_port, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Antrea, party: Party::Antrea, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    ask.scene.link("antrea-gw0")?;
    if hop.link.name == "antrea-gw0" {
        return Some("by antrea-gw0 into Open vSwitch".into());
    }
    is_ovs_port(hop).then(|| "a port of Open vSwitch beside antrea-gw0".into())
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let foreign = |it: &Hop<'_>| aws_vpc_cni::is_link(ask, it) || azure_cni::is_link(it);
    let policy_only = hops.iter().any(foreign);
    let mode = if policy_only { "policy-only" } else { encapsulation(ask.scene) };
    Modes::new(mode).maybe("encryption", ask.scene.link("antrea-wg0").map(|_| "wireguard"))
}

/// Open vSwitch's kernel tunnel devices; none: packets leave as they are.
fn encapsulation(scene: &Scene<'_>) -> &'static str {
    if scene.link("genev_sys_6081").is_some() {
        return "geneve";
    }
    if scene.link("vxlan_sys_4789").is_some() { "vxlan" } else { "no-encapsulation" }
}
