//! Karpenter's NodePools: what they promise, whether their nodes keep it, and what is wrong with
//! them. Nothing here ever changes one: an edit of a NodePool replaces its nodes.

mod gates;
mod lint;
mod promise;
pub mod proposal;
mod rules;
mod satisfy;
mod taints;

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::findings::{ClusterFinding, Grade, Scene};
use super::nodes::NodeLine;
use super::works::Tally;
use crate::facts::cluster::karpenter::{NodeClaim, NodePool};
use crate::facts::cluster::{Cluster, Text};
use crate::judge::report::{Cni, Extent, Ternary};
pub use gates::StuckGate;
pub use promise::{PROMISE, Promise};
pub use taints::{CILIUM_TAINT, OUR_TAINT};

/// One NodePool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolReport {
    /// Its name.
    pub name: Text,
    /// The version of the API in which it was read.
    pub api_version: Text,
    /// Nodes of it.
    pub nodes: usize,
    /// NodeClaims of it: so many nodes an edit of its template replaces.
    pub claims: usize,
    /// eBPF as a whole.
    pub ebpf: Tally<Extent>,
    /// What carries the pods' packets now.
    pub datapath: Tally<Cni>,
    /// Whether the target can run there.
    pub cilium_capable: Tally<Ternary>,
    /// Whether Cilium runs there, healthy.
    pub cilium_ready: Tally<Ternary>,
    /// What its template promises; `None`: nothing.
    pub promise: Option<Promise>,
    /// NodeClaims that do not become `Initialized`, and why.
    pub gates: Vec<StuckGate>,
    /// What is wrong with it.
    pub checks: Vec<Check>,
}

/// Something that is wrong with a NodePool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The rule's id.
    pub rule: String,
    /// How much it matters.
    pub grade: Grade,
    /// One sentence for people.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// All pools.
pub(super) fn pools(scene: &Scene<'_>) -> Vec<NodePoolReport> {
    let pools = Cluster::known_kind(&scene.cluster.node_pools);
    pools.iter().map(|it| pool(scene, it)).collect()
}

fn pool(scene: &Scene<'_>, pool: &NodePool) -> NodePoolReport {
    let name = &pool.metadata.name;
    let nodes: Vec<&NodeLine> = nodes_of(scene, name).collect();
    let promise = promise::promise(pool, &nodes);
    let gates = gates::stuck(scene, name);
    let mut checks = lint::checks(scene, pool);
    checks.extend(promise.as_ref().and_then(promise::check));
    checks.extend(gates::check(&gates));
    NodePoolReport {
        name: name.clone(),
        api_version: pool.api_version.clone(),
        nodes: nodes.len(),
        claims: claims_of(scene.cluster, name).count(),
        ebpf: tally(&nodes, |it| it.ebpf),
        datapath: tally(&nodes, |it| it.datapath),
        cilium_capable: tally(&nodes, |it| it.cilium_capable),
        cilium_ready: tally(&nodes, |it| it.cilium_ready),
        promise,
        gates,
        checks,
    }
}

/// Cluster findings that speak of NodePools: one for each rule, whichever pools it concerns.
pub(super) fn findings(scene: &Scene<'_>, pools: &[NodePoolReport]) -> Vec<ClusterFinding> {
    let mut findings: Vec<_> =
        rules::ALL.iter().map(|rule| rules::finding(scene, pools, rule)).collect();
    findings.push(satisfy::check(scene));
    findings
}

/// EKS Auto Mode's own pools: no other CNI is supported there.
fn is_auto_mode(pool: &NodePool) -> bool {
    pool.spec.template.spec.node_class_ref.group == "eks.amazonaws.com"
}

fn nodes_of<'a>(scene: &Scene<'a>, pool: &Text) -> impl Iterator<Item = &'a NodeLine> {
    let pool = pool.clone();
    scene.nodes.iter().filter(move |it| {
        // EKS Auto Mode runs Karpenter too.
        matches!(it.compute, Compute::Karpenter | Compute::AutoMode)
            && it.pool.as_ref() == Some(&pool)
    })
}

fn claims_of<'a>(cluster: &'a Cluster, pool: &Text) -> impl Iterator<Item = &'a NodeClaim> {
    let pool = pool.clone();
    Cluster::known_kind(&cluster.node_claims).iter().filter(move |it| it.pool() == Some(&pool))
}

fn tally<K: Ord>(nodes: &[&NodeLine], of: impl Fn(&NodeLine) -> K) -> Tally<K> {
    let mut tally = Tally::new();
    for node in nodes {
        *tally.entry(of(node)).or_default() += 1;
    }
    tally
}
