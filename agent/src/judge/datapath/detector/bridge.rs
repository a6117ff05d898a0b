//! The reference plug-in `bridge`: pods are ports of a bridge that no other CNI claims.

use super::{Ask, Detector, Modes, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Bridge, party: Party::ReferencePlugins, carries, base: no_base, modes };

fn carries(_: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    let bridge = [Some(hop.link), hop.master].into_iter().flatten();
    let mut bridge = bridge.filter(|it| it.kind.as_deref() == Some("bridge"));
    bridge.next().map(|it| format!("on the bridge {}, which no other CNI claims", it.name))
}

fn modes(_: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    Modes::new("bridge")
}
