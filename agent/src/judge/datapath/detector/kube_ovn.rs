//! Kube-OVN: pods are ports of Open vSwitch, the node reaches them by `ovn0`.

use super::{Ask, Detector, Modes, is_ovs_port, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::KubeOvn, party: Party::KubeOvn, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    ask.scene.link("ovn0")?;
    if hop.link.name == "ovn0" {
        return Some("by ovn0 into Open vSwitch".into());
    }
    is_ovs_port(hop).then(|| "a port of Open vSwitch beside ovn0".into())
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    let tunnels = [("genev_sys_6081", "geneve"), ("vxlan_sys_4789", "vxlan")];
    let tunnel = tunnels.into_iter().find(|it| ask.scene.link(it.0).is_some());
    Modes::new(tunnel.map_or("underlay", |it| it.1))
}
