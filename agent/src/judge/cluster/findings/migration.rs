//! Rule `migration-in-progress`: nodes are on their way from one datapath to Cilium.

use super::{ClusterFinding, Grade, Rule, Scene};
use crate::facts::cluster::Cluster;
use crate::judge::cluster::nodes::NodeLine;

const RULE: Rule = Rule::new("migration-in-progress", "MigrationInProgress", Grade::Info);

/// The label of Cilium's migration guide on nodes that have moved or are next.
const MARKER: &str = "io.cilium.migration/cilium-default";

/// A migration that is marked: by a label on nodes or by a CiliumNodeConfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::judge::cluster) struct Migrating {
    /// Nodes that Cilium carries.
    pub(in crate::judge::cluster) done: usize,
    /// Nodes whose platform allows it.
    pub(in crate::judge::cluster) total: usize,
}

impl Migrating {
    /// The migration, if one is marked. A marker that stays after the last node is no migration.
    pub(in crate::judge::cluster) fn of(scene: &Scene<'_>) -> Option<Self> {
        let nodes = Cluster::known(&scene.cluster.nodes);
        let labelled = nodes.iter().any(|it| it.metadata.labels.is(MARKER, "true"));
        let configs = Cluster::known_kind(&scene.cluster.cilium_node_configs);
        let configured = configs.iter().any(|it| {
            let selector = &it.spec.node_selector;
            selector.match_labels.has(MARKER)
                || selector.match_expressions.iter().any(|it| it.key == MARKER)
        });
        let eligible = || scene.nodes.iter().filter(|it| it.allows_cilium);
        let (done, total) = (eligible().filter(|it| has_moved(it)).count(), eligible().count());
        ((labelled || configured) && done < total).then_some(Self { done, total })
    }
}

fn has_moved(node: &NodeLine) -> bool {
    node.datapath.runs_cilium()
}

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    if scene.cluster.nodes.known().is_none() {
        return RULE.undetermined("the nodes could not be listed");
    }
    let Some(Migrating { done, total }) = Migrating::of(scene) else {
        return RULE.not_applicable("nothing marks a migration");
    };
    RULE.fail(
        format!("{done} of {total} nodes have moved to Cilium"),
        "Go on node by node, as the recommendation says; a node moves only with a restart of its pods.",
    )
}
