//! Weave Net: its bridge, with Open vSwitch's fast datapath behind it or without.

use super::{Ask, Detector, Modes, is_on, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Weave, party: Party::Weave, carries, base: no_base, modes };

fn carries(_: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    let own = is_on(hop, "weave") || hop.link.name.starts_with("vethwepl");
    own.then(|| "on Weave's bridge weave".into())
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    let fast = ["vxlan-6784", "datapath", "vethwe-datapath"];
    let fast = fast.iter().any(|it| ask.scene.link(it).is_some());
    Modes::new(if fast { "fastdp" } else { "sleeve" })
}
