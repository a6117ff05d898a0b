//! Rule `mixed-datapath`: EC2 nodes share one datapath, unless somebody is migrating.

use std::collections::BTreeMap;

use super::{ClusterFinding, Grade, Migrating, Rule, Scene, count};
use crate::judge::report::Cni;

const RULE: Rule = Rule::new("mixed-datapath", "MixedDatapath", Grade::Warning);

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    if scene.cluster.nodes.known().is_none() {
        return RULE.undetermined("the nodes could not be listed");
    }
    let mut by_cni: BTreeMap<Cni, Vec<&str>> = BTreeMap::new();
    let mut unknown = 0;
    for node in scene.nodes.iter().filter(|it| it.compute.is_ec2() && !it.windows) {
        match node.datapath {
            // A node without pods has none yet.
            Cni::None => {}
            Cni::Unknown => unknown += 1,
            cni => by_cni.entry(cni).or_default().push(&node.name),
        }
    }
    let told = by_cni.iter().map(|(cni, nodes)| {
        let examples = nodes.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        format!(
            "{cni}: {} ({examples}{})",
            count(nodes.len(), "node"),
            if nodes.len() > 3 { ", …" } else { "" }
        )
    });
    let evidence: Vec<String> = told.collect();
    match by_cni.len() {
        0 if unknown > 0 => RULE.undetermined("the datapath of no EC2 node is known"),
        0 => RULE.not_applicable("no EC2 node has a datapath"),
        1 if unknown > 0 => RULE
            .undetermined(format!("the datapath of {} is unknown", count(unknown, "EC2 node")))
            .because(evidence),
        1 => RULE.pass("all EC2 nodes share one datapath").because(evidence),
        _ if Migrating::of(scene).is_some() => RULE
            .pass("EC2 nodes have different datapaths, and a migration is marked")
            .because(evidence),
        number => RULE
            .fail(
                format!(
                    "EC2 nodes have {number} different datapaths and nothing marks a migration"
                ),
                "Finish the move pool by pool, or mark it with a CiliumNodeConfig; policies and \
                 identities of one datapath do not hold on the other.",
            )
            .because(evidence),
    }
}
