//! Canal: Calico's pairs and policy, Flannel's tunnel between nodes.

use super::{Ask, Detector, Modes, calico, flannel, no_base, tunnel};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::Canal, party: Party::Calico, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if !calico::is_link(hop) {
        return None;
    }
    let taken = ask.next.taken.as_ref().is_some_and(|(_, it)| it.cni == Cni::Canal);
    (taken || leaves_by_flannel(ask.scene))
        .then(|| "a routed pair of Calico, and Flannel between the nodes".into())
}

/// Flannel's device leads to other nodes, its agent is not known to be gone, and Calico has none.
fn leaves_by_flannel(scene: &Scene<'_>) -> bool {
    let own = [("vxlan.calico", ()), ("tunl0", ())].map(|it| (it.0, "calico"));
    let device = flannel::device(scene);
    let lives = !scene.life(Party::Flannel).is_dead();
    device.is_some_and(|it| scene.has_route_by(it)) && lives && tunnel(scene, &own).is_none()
}

fn modes(ask: &Ask<'_, '_>, _: &[Hop<'_>]) -> Modes {
    let dataplane = calico::dataplane(ask.scene);
    Modes::new(flannel::backend(ask.scene)).maybe("policy-dataplane", dataplane)
}
