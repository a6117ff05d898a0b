//! What to do with this cluster's datapath: keep it, enable Cilium, migrate, or what is in the way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::findings::{Migrating, Scene, WARNING, count};
use super::nodes::NodeLine;
use super::presence::{Presence, cilium_daemon_set};
use super::steps::{self, Step};
use super::{Datapaths, Policy};
use crate::facts::cluster::{Cluster, Node};
use crate::judge::report::{Cni, Ternary};

/// What is asked for: by the one who asks, else what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// Cilium.
    pub(super) cilium: Ternary,
    /// Fargate.
    pub(super) fargate: Ternary,
}

/// What is asked for.
pub(super) fn wish(policy: &Policy, presence: &Presence) -> Wish {
    let given = |it: Option<bool>| it.map(|it| if it { Ternary::Yes } else { Ternary::No });
    Wish {
        cilium: given(policy.enable_cilium).unwrap_or(presence.cilium),
        fargate: given(policy.enable_fargate).unwrap_or(presence.fargate),
    }
}

/// What the policy makes of what is asked for: the counterpart of
/// `cilium_enabled = enable_cilium && !enable_fargate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The policy.
    pub policy: Datapaths,
    /// Whether Cilium is asked for: as given, else whether it is set up.
    pub enable_cilium: Ternary,
    /// Whether Fargate is asked for: as given, else whether it is there.
    pub enable_fargate: Ternary,
    /// Whether the policy lets Cilium be enabled.
    pub cilium_enabled: Ternary,
    /// What the policy warns of, line by line; empty: of nothing.
    pub warning: Vec<String>,
}

pub(super) fn decision(policy: &Policy, presence: &Presence) -> Decision {
    let wish = wish(policy, presence);
    let strict = policy.datapaths == Datapaths::StrictClusterWide;
    let forbids = if strict { wish.fargate } else { Ternary::No };
    let cilium_enabled = match (wish.cilium, forbids) {
        (Ternary::No, _) | (_, Ternary::Yes) => Ternary::No,
        (Ternary::Yes, Ternary::No) => Ternary::Yes,
        (Ternary::Unknown, _) | (_, Ternary::Unknown) => Ternary::Unknown,
    };
    let both = wish.cilium == Ternary::Yes && forbids == Ternary::Yes;
    let warning = if both { WARNING.map(str::to_owned).to_vec() } else { Vec::new() };
    Decision {
        policy: policy.datapaths,
        enable_cilium: wish.cilium,
        enable_fargate: wish.fargate,
        cilium_enabled,
        warning,
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Leave the datapath as it is.
    Keep,
    /// Install Cilium: nothing is in the way and nothing has to move.
    EnableCilium,
    /// Move node by node, or NodePool by NodePool.
    MigrateNodeByNode,
    /// Something is in the way.
    Blocked,
}

/// What is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Blocker {
    /// The policy forbids Cilium beside Fargate.
    StrictClusterWide,
    /// No node's platform allows it.
    NoEligibleNode,
    /// It cannot run on some nodes.
    IncapableNodes,
    /// Nobody measured whether it can.
    NotMeasured,
    /// The API server did not say enough.
    ApiUnreadable,
}

/// What to do, why, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// What to do.
    pub action: Action,
    /// What is in the way; `None` unless `action` is `blocked`.
    pub blocked_by: Option<Blocker>,
    /// Why, in one sentence.
    pub why: String,
    /// How, step by step.
    pub steps: Vec<Step>,
}

impl Recommendation {
    fn keep(why: impl Into<String>) -> Self {
        Self { action: Action::Keep, blocked_by: None, why: why.into(), steps: Vec::new() }
    }

    fn blocked(by: Blocker, why: impl Into<String>, steps: Vec<Step>) -> Self {
        Self { action: Action::Blocked, blocked_by: Some(by), why: why.into(), steps }
    }
}

pub(super) fn recommendation(scene: &Scene<'_>) -> Recommendation {
    if scene.cluster.nodes.known().is_none() {
        return Recommendation::blocked(
            Blocker::ApiUnreadable,
            "the nodes could not be listed",
            vec![],
        );
    }
    let eligible: Vec<&NodeLine> = scene.nodes.iter().filter(|it| it.allows_cilium).collect();
    if let Some(early) = by_policy(scene, &eligible) {
        return early;
    }
    if let Some(Migrating { done, total }) = Migrating::of(scene) {
        let why = format!("a migration is marked: {done} of {total} nodes have moved");
        return migrate(scene, why);
    }
    match scene.presence.cilium {
        Ternary::Yes => with_cilium(scene, &eligible),
        Ternary::No => without_cilium(scene, &eligible),
        Ternary::Unknown => Recommendation::blocked(
            Blocker::ApiUnreadable,
            "whether Cilium is set up could not be read",
            vec![],
        ),
    }
}

/// What follows from the wish, the policy and the platforms, whatever the kernels can do.
fn by_policy(scene: &Scene<'_>, eligible: &[&NodeLine]) -> Option<Recommendation> {
    let wish = wish(scene.policy, scene.presence);
    let strict = scene.policy.datapaths == Datapaths::StrictClusterWide;
    if strict && wish.fargate == Ternary::Yes {
        return Some(match wish.cilium {
            Ternary::Yes => Recommendation::blocked(
                Blocker::StrictClusterWide,
                "the policy strict-cluster-wide forbids Cilium as long as there is Fargate",
                steps::from_fargate(),
            ),
            Ternary::No | Ternary::Unknown => Recommendation::keep(
                "with Fargate the policy strict-cluster-wide keeps the AWS VPC CNI for all pods",
            ),
        });
    }
    if wish.cilium == Ternary::No && scene.policy.enable_cilium.is_some() {
        return Some(Recommendation::keep("Cilium is not asked for"));
    }
    if !eligible.is_empty() {
        return None;
    }
    Some(match wish.cilium {
        Ternary::Yes => Recommendation::blocked(
            Blocker::NoEligibleNode,
            "no node's platform allows Cilium",
            if wish.fargate == Ternary::Yes { steps::from_fargate() } else { steps::other_nodes() },
        ),
        Ternary::No | Ternary::Unknown => {
            Recommendation::keep("no node's platform allows another datapath than its own")
        }
    })
}

fn with_cilium(scene: &Scene<'_>, eligible: &[&NodeLine]) -> Recommendation {
    let target = scene.target;
    if let Some(blocked) = incapable(scene, eligible) {
        return blocked;
    }
    let nodes = Cluster::known(&scene.cluster.nodes).iter().zip(scene.nodes);
    let elsewhere = nodes.filter(|(_, line)| {
        line.allows_cilium && line.datapath.is_one() && !line.datapath.runs_cilium()
    });
    // AWS documents Cilium on Hybrid Nodes alone.
    let cilium = cilium_daemon_set(scene.cluster);
    let is_meant =
        |(node, _): &(&Node, _)| cilium.is_none_or(|it| it.is_meant_for(&node.metadata.labels));
    let (meant, left_out): (Vec<_>, Vec<_>) = elsewhere.partition(is_meant);
    if meant.is_empty() && !left_out.is_empty() {
        return Recommendation::keep(format!(
            "Cilium's own node affinity leaves out {}, where another datapath stays",
            count(left_out.len(), "node")
        ));
    }
    let left = meant.len();
    if left > 0 {
        let why = format!(
            "Cilium is set up, and {left} of {} still have another datapath",
            count(eligible.len(), "node")
        );
        return migrate(scene, why);
    }
    let unseen = eligible.iter().filter(|it| it.datapath == Cni::Unknown).count();
    if unseen == eligible.len() {
        let why = "Cilium is set up, and on no node is it known to carry the pods";
        return Recommendation::blocked(Blocker::NotMeasured, why, steps::measure());
    }
    Recommendation::keep(match scene.policy.target {
        Some(_) => format!("Cilium is set up; nothing is in the way of Cilium {target}"),
        None => "Cilium carries the pods of every node whose datapath is known".to_owned(),
    })
}

fn without_cilium(scene: &Scene<'_>, eligible: &[&NodeLine]) -> Recommendation {
    let target = scene.target;
    if let Some(blocked) = incapable(scene, eligible) {
        return blocked;
    }
    let unknown = eligible.iter().filter(|it| it.cilium_capable == Ternary::Unknown).count();
    if unknown > 0 {
        let why = format!(
            "whether Cilium {target} can run is not known of {unknown} of {}",
            count(eligible.len(), "node")
        );
        return Recommendation::blocked(Blocker::NotMeasured, why, steps::measure());
    }
    let taken = eligible.iter().filter(|it| it.datapath.is_one()).count();
    let nodes = count(eligible.len(), "node");
    if taken == 0 {
        return Recommendation {
            action: Action::EnableCilium,
            blocked_by: None,
            why: format!("Cilium {target} can run on all {nodes}, and none has a datapath yet"),
            steps: steps::new_cluster(),
        };
    }
    migrate(
        scene,
        format!("Cilium {target} can run on all {nodes}, and pods run on another datapath"),
    )
}

/// Nodes where the target cannot run, if there are any.
fn incapable(scene: &Scene<'_>, eligible: &[&NodeLine]) -> Option<Recommendation> {
    let no = eligible.iter().filter(|it| it.cilium_capable == Ternary::No).count();
    let target = scene.target;
    (no > 0).then(|| {
        let why =
            format!("Cilium {target} cannot run on {no} of {}", count(eligible.len(), "node"));
        Recommendation::blocked(Blocker::IncapableNodes, why, steps::newer_nodes(target))
    })
}

fn migrate(scene: &Scene<'_>, why: String) -> Recommendation {
    let steps = match pool_to_move(scene) {
        // Nodes are marked one by one: that is how they move.
        _ if Migrating::of(scene).is_some() => steps::node_by_node(scene.presence.cilium),
        None => steps::node_by_node(scene.presence.cilium),
        Some(pool) => steps::pool_by_pool(pool),
    };
    Recommendation { action: Action::MigrateNodeByNode, blocked_by: None, why, steps }
}

/// The pool with the most nodes that have another datapath; a pool of Karpenter without any of them is
/// no way for them to move.
fn pool_to_move<'a>(scene: &Scene<'a>) -> Option<&'a str> {
    let is_left = |it: &&NodeLine| {
        it.compute == Compute::Karpenter
            && it.allows_cilium
            && it.datapath.is_one()
            && !it.datapath.runs_cilium()
    };
    let mut pools: BTreeMap<&str, usize> = BTreeMap::new();
    for pool in scene.nodes.iter().filter(is_left).filter_map(|it| it.pool.as_deref()) {
        *pools.entry(pool).or_default() += 1;
    }
    // Of equal ones the first by name.
    pools.into_iter().rev().max_by_key(|(_, nodes)| *nodes).map(|(pool, _)| pool)
}
