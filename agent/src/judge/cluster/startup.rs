//! How long nodes and Fargate pods take to start, from the times that their objects carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::fargate::is_fargate_pod;
use super::nodes::NodeLine;
use crate::facts::Observed;
use crate::facts::cluster::condition::Condition;
use crate::facts::cluster::karpenter::NodeClaim;
use crate::facts::cluster::{Cluster, Node, Pod, Text, Time};

/// A point in the start of a node or pod, seen from its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The node is known to Karpenter (its NodeClaim is `Registered`). Of other nodes nobody knows when
    /// their machine was started.
    Registered,
    /// The node, or the Fargate pod, is Ready.
    Ready,
    /// Pods can be connected: our `CiliumReady`, or Cilium's own `NetworkUnavailable=False`.
    DatapathReady,
    /// Karpenter sees no startup taint any more (`Initialized`).
    GateOpen,
}

impl Stage {
    /// All of them, in their order in time.
    pub const ALL: [Self; 4] = [Self::Registered, Self::Ready, Self::DatapathReady, Self::GateOpen];

    /// The word in metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Ready => "ready",
            Self::DatapathReady => "datapath_ready",
            Self::GateOpen => "gate_open",
        }
    }
}

/// A stage that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Which one.
    pub stage: Stage,
    /// When.
    pub at: Time,
    /// Seconds from creation.
    pub took: i64,
}

/// The stages that a node has reached, each with its seconds since creation: of its NodeClaim where
/// there is one, because the machine starts then.
fn node_stages(node: &Node, claim: Option<&NodeClaim>) -> Vec<Reached> {
    let registered = claim.and_then(|it| since(it.condition("Registered"), "True"));
    let created = claim.and_then(|it| it.metadata.creation_timestamp);
    let Some(start) = created.or(node.metadata.creation_timestamp) else { return Vec::new() };
    let cilium = node.condition("NetworkUnavailable").filter(|it| it.reason == "CiliumIsUp");
    let datapath = since(node.condition("bpfready.io/CiliumReady"), "True");
    let reached = [
        (Stage::Registered, registered),
        (Stage::Ready, since(node.condition("Ready"), "True")),
        (Stage::DatapathReady, datapath.or_else(|| since(cilium, "False"))),
        (Stage::GateOpen, claim.and_then(|it| since(it.condition("Initialized"), "True"))),
    ];
    // A node's clock may be a second behind; a stage from before its start is a mistake.
    let known = reached.into_iter().filter_map(|(stage, at)| Some((stage, at?)));
    let reached = known.map(|(stage, at)| Reached { stage, at, took: at.seconds_since(start) });
    reached.filter(|it| it.took >= 0).collect()
}

/// When a pod became Ready; `None`: it is not.
pub fn pod_start(pod: &Pod) -> Option<Reached> {
    let at = pod.ready_at()?;
    let took = at.seconds_since(pod.metadata.creation_timestamp?);
    (took >= 0).then_some(Reached { stage: Stage::Ready, at, took })
}

fn since(condition: Option<&Condition>, status: &str) -> Option<Time> {
    condition.filter(|it| it.status == status)?.last_transition_time
}

/// Some starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// The middle one, in seconds.
    pub median_seconds: i64,
    /// Nine in ten were at most this slow, in seconds.
    pub p90_seconds: i64,
    /// The slowest, in seconds.
    pub max_seconds: i64,
}

/// By kind of machine and stage.
pub type Startup = BTreeMap<Compute, BTreeMap<Stage, Spread>>;

/// Of all nodes and Fargate pods that are there now. A node that was not Ready for a while counts
/// with its last time; the controller's histograms see each start once, as it happens.
pub(super) fn startup(cluster: &Cluster, nodes: &[NodeLine]) -> Startup {
    let claims = Claims::of(cluster);
    let mut all: BTreeMap<Compute, BTreeMap<Stage, Vec<i64>>> = BTreeMap::new();
    for (node, line) in Cluster::known(&cluster.nodes).iter().zip(nodes) {
        for it in claims.stages(node, line) {
            all.entry(line.compute).or_default().entry(it.stage).or_default().push(it.took);
        }
    }
    let pods = Cluster::known(&cluster.fargate_pods).iter().filter(|it| is_fargate_pod(it));
    let started: Vec<i64> = pods.filter_map(pod_start).map(|it| it.took).collect();
    if !started.is_empty() {
        all.entry(Compute::Fargate).or_default().insert(Stage::Ready, started);
    }
    let spreads = |stages: BTreeMap<Stage, Vec<i64>>| {
        stages.into_iter().map(|(stage, took)| (stage, spread(took))).collect()
    };
    all.into_iter().map(|(compute, stages)| (compute, spreads(stages))).collect()
}

/// NodeClaims by the nodes that came of them.
pub struct Claims<'a> {
    by_node: BTreeMap<&'a Text, &'a NodeClaim>,
    /// They could be read.
    known: bool,
}

impl<'a> Claims<'a> {
    /// Those of a cluster.
    pub fn of(cluster: &'a Cluster) -> Self {
        let claims = Cluster::known_kind(&cluster.node_claims).iter();
        let named = claims.filter(|it| !it.status.node_name.is_empty());
        Self {
            by_node: named.map(|it| (&it.status.node_name, it)).collect(),
            known: matches!(cluster.node_claims, Observed::Known(Some(_))),
        }
    }

    /// The stages that a node has reached.
    pub fn stages(&self, node: &Node, line: &NodeLine) -> Vec<Reached> {
        let claim = self.by_node.get(&line.name).copied();
        match line.compute {
            // On Fargate the pod is what starts; its node is the pod's microVM.
            Compute::Fargate => Vec::new(),
            // Nodes are watched and claims are read now and then: what a node has reached counts
            // from a start that is not known yet.
            Compute::Karpenter | Compute::AutoMode if self.known && claim.is_none() => Vec::new(),
            _ => node_stages(node, claim),
        }
    }
}

fn spread(mut took: Vec<i64>) -> Spread {
    took.sort_unstable();
    // The nearest rank: the smallest value with at least this share at or below it.
    let rank = |share: usize| took[(took.len() * share).div_ceil(100).max(1) - 1];
    Spread {
        count: took.len(),
        median_seconds: rank(50),
        p90_seconds: rank(90),
        max_seconds: rank(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(node: &Node, claim: Option<&NodeClaim>) -> Vec<(Stage, i64)> {
        node_stages(node, claim).into_iter().map(|it| (it.stage, it.took)).collect()
    }

    #[test]
    fn the_stages_of_a_karpenter_node_count_from_its_claim() {
        let claim: NodeClaim = serde_json::from_value(serde_json::json!({
            "metadata": {"creationTimestamp": "2026-11-23T10:00:00Z"},
            "status": {"conditions": [
                {"type": "Registered", "status": "True", "lastTransitionTime": "2026-11-23T10:00:31Z"},
                {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-11-23T10:00:58Z"}
            ]}
        }))
        .unwrap();
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": {"creationTimestamp": "2026-11-23T10:00:30Z"},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T10:00:45Z"},
                {"type": "NetworkUnavailable", "status": "False", "reason": "CiliumIsUp",
                 "lastTransitionTime": "2026-11-23T10:00:55Z"}
            ]}
        }))
        .unwrap();
        let wanted = [
            (Stage::Registered, 31),
            (Stage::Ready, 45),
            (Stage::DatapathReady, 55),
            (Stage::GateOpen, 58),
        ];
        assert_eq!(told(&node, Some(&claim)), wanted);
        // Without a claim the node's own creation is the start.
        assert_eq!(told(&node, None)[0], (Stage::Ready, 15));
    }

    /// A minute may pass between two looks at NodeClaims; a node is Ready before.
    #[test]
    fn what_a_karpenter_node_reached_is_not_told_before_its_claim_is_seen() {
        use crate::judge::cluster::{Measurements, Policy, judge, sample};
        let node = |labels: serde_json::Value| -> Node {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "a", "labels": labels, "creationTimestamp": "2026-11-23T10:00:30Z"},
                "status": {"conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T10:00:45Z"}
                ]}
            }))
            .unwrap()
        };
        let claim: NodeClaim = serde_json::from_value(serde_json::json!({
            "metadata": {"creationTimestamp": "2026-11-23T10:00:00Z"}, "status": {"nodeName": "a"}
        }))
        .unwrap();
        let pool = serde_json::json!({"karpenter.sh/nodepool": "default"});
        let ready = |labels: &serde_json::Value, claims: Observed<Option<Vec<NodeClaim>>>| {
            let mut cluster = sample::empty();
            cluster.nodes = Observed::Known(vec![node(labels.clone())]);
            cluster.node_claims = claims;
            let startup = judge(&cluster, &Measurements::new(), &Policy::default()).startup;
            startup.values().next().map(|it| it[&Stage::Ready].max_seconds)
        };
        let known = |claims: Vec<NodeClaim>| Observed::Known(Some(claims));
        assert_eq!(ready(&pool, known(Vec::new())), None);
        assert_eq!(ready(&pool, known(vec![claim])), Some(45));
        // Karpenter's kinds are not served, or may not be read: the node's own time is all there is.
        assert_eq!(ready(&pool, Observed::Known(None)), Some(15));
        let forbidden = Observed::unknown(crate::facts::Cause::PermissionDenied, "no");
        assert_eq!(ready(&pool, forbidden), Some(15));
        assert_eq!(ready(&serde_json::json!({}), known(Vec::new())), Some(15));
    }

    #[test]
    fn a_node_that_is_not_ready_has_not_reached_that_stage() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": {"creationTimestamp": "2026-11-23T10:00:30Z"},
            "status": {"conditions": [
                {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-11-23T10:00:45Z"}
            ]}
        }))
        .unwrap();
        assert_eq!(told(&node, None), []);
    }

    #[test]
    fn ranks_are_the_nearest() {
        let spread = spread((1..=10).collect());
        assert_eq!((spread.median_seconds, spread.p90_seconds, spread.max_seconds), (5, 9, 10));
        assert_eq!(super::spread(vec![7]).median_seconds, 7);
    }
}
