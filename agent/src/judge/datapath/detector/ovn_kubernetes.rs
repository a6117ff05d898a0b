//! OVN-Kubernetes: pods are ports of Open vSwitch, the node reaches them by `ovn-k8s-mp0`.

use super::{Ask, Detector, Modes, is_ovs_port, no_base};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector = Detector {
    cni: Cni::OvnKubernetes,
    party: Party::OvnKubernetes,
    carries,
    base: no_base,
    modes,
};

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    ask.scene.link("ovn-k8s-mp0")?;
    if hop.link.name == "ovn-k8s-mp0" {
        return Some("by ovn-k8s-mp0 into Open vSwitch".into());
    }
    is_ovs_port(hop).then(|| "a port of Open vSwitch beside ovn-k8s-mp0".into())
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    let tunnel = ask.scene.link("genev_sys_6081").is_some();
    let shared = ["br-ex", "breth0"].into_iter().find(|it| ask.scene.link(it).is_some());
    Modes::new(if tunnel { "geneve" } else { "local" }).maybe("gateway-bridge", shared)
}
