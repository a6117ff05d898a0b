//! Startup taints: which gates there are, and who opens them.

use crate::facts::cluster::Text;
use crate::facts::cluster::condition::Taint;
use crate::judge::cluster::findings::Scene;
use crate::judge::report::Ternary;

/// The taint that Cilium's operator removes, unless it was configured to another key.
pub const CILIUM_TAINT: &str = "node.cilium.io/agent-not-ready";
/// The taint that our agent removes.
pub const OUR_TAINT: &str = "bpfready.io/not-ready";

/// Gates of other drivers that remove their own taint: the aws-ebs and aws-efs CSI drivers.
const OTHERS: &[&str] = &["ebs.csi.aws.com/agent-not-ready", "efs.csi.aws.com/agent-not-ready"];
/// The group of the node readiness controller, which owns the prefix.
const READINESS_GROUP: &str = "readiness.node.x-k8s.io";
const READINESS_PREFIX: &str = "readiness.k8s.io/";

/// The taint key that Cilium removes here.
pub(super) fn cilium_key(scene: &Scene<'_>) -> Text {
    let config = scene.cluster.cilium_config.known().and_then(Option::as_ref);
    let set = config.and_then(|it| it.data.get("agent-not-ready-taint-key"));
    set.cloned().unwrap_or_else(|| CILIUM_TAINT.into())
}

/// Whether a taint is one that somebody removes from a new node.
pub(super) fn is_gate(scene: &Scene<'_>, key: &str) -> bool {
    key == &*cilium_key(scene)
        || key == CILIUM_TAINT
        || key == OUR_TAINT
        || key.starts_with(READINESS_PREFIX)
        || OTHERS.contains(&key)
}

/// Whether somebody here removes this startup taint.
pub(super) fn has_remover(scene: &Scene<'_>, taint: &Taint) -> Ternary {
    let key = &*taint.key;
    if key == &*cilium_key(scene) {
        return scene.presence.cilium;
    }
    if key == OUR_TAINT {
        return if scene.presence.agents > 0 { Ternary::Yes } else { Ternary::Unknown };
    }
    if key.starts_with(READINESS_PREFIX) {
        let served = scene.cluster.served.known();
        return match served.map(|it| it.contains_key(READINESS_GROUP)) {
            Some(true) => Ternary::Yes,
            Some(false) => Ternary::No,
            None => Ternary::Unknown,
        };
    }
    if OTHERS.contains(&key) { Ternary::Yes } else { Ternary::No }
}
