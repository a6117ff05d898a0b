//! Rule `cilium-crds-left`: CRDs of Cilium without its DaemonSet are left over from an earlier
//! installation.

use super::{ClusterFinding, Grade, Rule, Scene, count};
use crate::facts::cluster::Cluster;
use crate::facts::cluster::cilium::GROUP;
use crate::judge::report::Ternary;

const RULE: Rule = Rule::new("cilium-crds-left", "CiliumCrdsLeft", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    match (scene.presence.cilium_crds, scene.presence.cilium) {
        (Ternary::No, _) => return RULE.pass("there are no CRDs of Cilium"),
        (_, Ternary::Yes) => return RULE.pass("Cilium's CRDs belong to its DaemonSet"),
        (Ternary::Unknown, _) | (_, Ternary::Unknown) => {
            return RULE.undetermined("CRDs and DaemonSets could not both be listed");
        }
        (Ternary::Yes, Ternary::No) => {}
    }
    let crds: Vec<_> =
        Cluster::known(&scene.cluster.crds).iter().filter(|it| it.is_of(GROUP)).collect();
    let release = scene.presence.crd_release;
    let nodes = Cluster::known_kind(&scene.cluster.cilium_nodes).len();
    let mut evidence = Vec::new();
    if let Some(release) = release {
        evidence.push(format!("their schema version is that of about Cilium {release}"));
    }
    if nodes > 0 {
        evidence.push(format!("{} are left", count(nodes, "CiliumNode")));
    }
    RULE.fail(
        format!("{} of Cilium are left without its DaemonSet", count(crds.len(), "CRD")),
        "Look for the rest of the installation on the nodes (`bpfready check` lists it), then delete \
         the CRDs; their objects go with them.",
    )
    .because(evidence)
    .about(crds.iter().map(|it| format!("CustomResourceDefinition/{}", it.metadata.name).into()))
}
