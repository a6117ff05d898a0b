//! What is to be written about Fargate and NodePools: computed from what is there, so that what is
//! written already is never written again, whoever wrote it.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::facts::cluster::condition::Condition;
use crate::facts::cluster::{Cluster, Node, Pod, Text, Time};
use crate::judge::ClusterReport;
use crate::judge::cluster::Compute;
use crate::judge::cluster::fargate::desired::{self, NodeMarks};
use crate::judge::cluster::fargate::{Assumption, PROFILE_LABEL};
use crate::judge::cluster::karpenter::NodePoolReport;
use crate::judge::cluster::nodes::NodeLine;
use crate::judge::cluster::works::Tally;
use crate::publish::names::PREFIX;
use crate::publish::words::json_word;

/// The field manager of everything that the controller applies.
pub const MANAGER: &str = "bpfready-controller";

/// What may be written; each has a right of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Labels and condition of Fargate Nodes.
    pub nodes: bool,
    /// The annotation of Fargate Pods.
    pub pods: bool,
    /// One Event for each Fargate Pod.
    pub events: bool,
    /// Labels of NodePools' metadata.
    pub node_pools: bool,
    /// What is taken for true of Fargate nodes that do not exist yet.
    pub assumed: Assumption,
}

/// One thing to write. A new leader of a large cluster may have tens of thousands before it, so
/// each is small: names are the cluster's own, and what many nodes need alike is there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Labels of a Node by server-side apply; none: ours are taken back.
    NodeLabels {
        /// The Node.
        node: Text,
        /// Its uid: to apply to a Node that is gone would be to make it.
        uid: Text,
        /// Without prefix.
        labels: &'static [(&'static str, &'static str)],
    },
    /// A condition of a Node by server-side apply; `None`: ours is taken back.
    NodeCondition {
        /// The Node.
        node: Text,
        /// Its uid.
        uid: Text,
        /// What it says.
        marks: Option<Arc<NodeMarks>>,
    },
    /// An Event about a Pod.
    Event {
        /// The Pod.
        pod: PodId,
        /// Its profile.
        profile: Option<Text>,
    },
    /// The annotation of a Pod.
    Annotation {
        /// The Pod.
        pod: PodId,
        /// Its value; empty: it is taken back.
        value: &'static str,
    },
    /// Labels of a NodePool's metadata by server-side apply.
    PoolLabels {
        /// Group and version.
        api_version: Text,
        /// The NodePool.
        pool: Text,
        /// Its uid.
        uid: Text,
        /// With prefix.
        labels: BTreeMap<String, String>,
    },
}

/// Which Pod is meant; another one of the same name is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodId {
    /// Namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Uid.
    pub uid: Text,
}

impl Write {
    /// What distinguishes it from others: the same again need not be written.
    pub fn key(&self) -> Key {
        let (object, content) = match self {
            Self::NodeLabels { uid, labels, .. } => (uid, hash(labels)),
            Self::NodeCondition { uid, marks, .. } => (uid, hash(marks)),
            Self::Event { pod, .. } => (&pod.uid, 0),
            Self::Annotation { pod, value } => (&pod.uid, hash(value)),
            Self::PoolLabels { uid, labels, .. } => (uid, hash(labels)),
        };
        Key { kind: self.kind(), object: object.clone(), content }
    }

    /// The kind of request, as a metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NodeLabels { .. } => "node_labels",
            Self::NodeCondition { .. } => "node_condition",
            Self::Event { .. } => "event",
            Self::Annotation { .. } => "pod_annotation",
            Self::PoolLabels { .. } => "nodepool_labels",
        }
    }
}

/// What distinguishes a [`Write`] from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    kind: &'static str,
    /// Its uid.
    object: Text,
    /// Hash of what is written; 64 bits are enough for the few states of one object.
    content: u64,
}

fn hash(content: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// Longest life of an Event in the API server unless it is configured otherwise: a pod that is older
/// had its Event.
const EVENT_LIFE_SECONDS: i64 = 3600;

/// Everything that is not written yet.
pub fn missing(cluster: &Cluster, report: &ClusterReport, switches: Switches) -> Vec<Write> {
    let mut missing = Vec::new();
    let nodes = Cluster::known(&cluster.nodes);
    if switches.nodes {
        let mut known = HashSet::new();
        let pairs = nodes.iter().zip(&report.nodes);
        pairs.for_each(|(node, line)| about_node(node, line, &mut known, &mut missing));
    }
    let lines: BTreeMap<&Text, &NodeLine> = report
        .nodes
        .iter()
        .filter(|it| it.compute == Compute::Fargate)
        .map(|it| (&it.name, it))
        .collect();
    let now = Time(i64::try_from(cluster.taken_at_seconds).unwrap_or(i64::MAX));
    for pod in Cluster::known(&cluster.fargate_pods) {
        let line = lines.get(&pod.spec.node_name).copied();
        about_pod(pod, line, switches, now, &mut missing);
    }
    if switches.node_pools {
        let pools = Cluster::known_kind(&cluster.node_pools).iter().zip(&report.node_pools);
        let writes = pools.filter_map(|(pool, told)| {
            let labels = pool_labels(told);
            let held = labels.iter().all(|(key, value)| pool.metadata.labels.is(key, value));
            let (api_version, uid) = (pool.api_version.clone(), pool.metadata.uid.clone());
            let pool = told.name.clone();
            (!held).then_some(Write::PoolLabels { api_version, pool, uid, labels })
        });
        missing.extend(writes);
    }
    missing.shrink_to_fit();
    missing
}

/// `known` holds the marks of the nodes before: there are as many different ones as kernels.
fn about_node(
    node: &Node,
    line: &NodeLine,
    known: &mut HashSet<Arc<NodeMarks>>,
    missing: &mut Vec<Write>,
) {
    if line.compute != Compute::Fargate {
        return;
    }
    let id = || (node.metadata.name.clone(), node.metadata.uid.clone());
    let kind = format!("{PREFIX}EbpfReady");
    let condition = node.condition(&kind);
    let Some(marks) = desired::node_marks(line) else {
        return taken_back(node, condition, missing);
    };
    let held =
        |(key, value): &(&str, &str)| node.metadata.labels.is(&format!("{PREFIX}{key}"), value);
    if !marks.labels.iter().all(held) {
        let (node, uid) = id();
        missing.push(Write::NodeLabels { node, uid, labels: marks.labels });
    }
    let stands = condition.is_some_and(|it| {
        it.status == marks.status
            && it.reason == marks.reason
            && it.message == marks.message.as_str()
    });
    if !stands {
        let marks = known.get(&marks).cloned().unwrap_or_else(|| {
            let marks = Arc::new(marks);
            known.insert(Arc::clone(&marks));
            marks
        });
        let (node, uid) = id();
        missing.push(Write::NodeCondition { node, uid, marks: Some(marks) });
    }
}

/// What was written here and does not hold any more: an agent reports from there, or nothing is
/// assumed of Fargate now. Ours is known by its words: an agent says `no` where the controller says
/// `false`, and has other reasons.
fn taken_back(node: &Node, condition: Option<&Condition>, missing: &mut Vec<Write>) {
    let (name, uid) = (&node.metadata.name, &node.metadata.uid);
    if node.metadata.labels.is(&format!("{PREFIX}cilium-capable"), "false") {
        missing.push(Write::NodeLabels { node: name.clone(), uid: uid.clone(), labels: &[] });
    }
    if condition.is_some_and(|it| it.reason == desired::REASON) {
        missing.push(Write::NodeCondition { node: name.clone(), uid: uid.clone(), marks: None });
    }
}

fn about_pod(
    pod: &Pod,
    line: Option<&NodeLine>,
    switches: Switches,
    now: Time,
    missing: &mut Vec<Write>,
) {
    let Some(value) = desired::pod_mark(pod, line, switches.assumed) else { return };
    let meta = &pod.metadata;
    let stands = meta.annotations.get(&format!("{PREFIX}ebpf")).map_or("", |it| it);
    if stands == value {
        return;
    }
    let id = || PodId {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
    };
    let age = meta.creation_timestamp.map_or(0, |it| now.seconds_since(it));
    // With the annotation as a mark the Event of an older pod is still owed.
    if switches.events && value == "none" && (switches.pods || age < EVENT_LIFE_SECONDS) {
        let profile = meta.labels.get(PROFILE_LABEL).cloned();
        missing.push(Write::Event { pod: id(), profile });
    }
    if switches.pods {
        missing.push(Write::Annotation { pod: id(), value });
    }
}

/// What is verified on all nodes of a pool; `mixed` where they differ.
fn pool_labels(pool: &NodePoolReport) -> BTreeMap<String, String> {
    BTreeMap::from([
        (format!("{PREFIX}ebpf"), agreed(&pool.ebpf)),
        (format!("{PREFIX}datapath"), agreed(&pool.datapath)),
        (format!("{PREFIX}cilium-ready"), agreed(&pool.cilium_ready)),
    ])
}

fn agreed<K: serde::Serialize + Ord>(tally: &Tally<K>) -> String {
    match tally.len() {
        0 => "unknown".to_owned(),
        1 => tally.keys().map(json_word).collect::<String>().replace('+', "_"),
        _ => "mixed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observed;
    use crate::judge::cluster::{Measurements, Policy, judge};

    const ALL: Switches = Switches {
        nodes: true,
        pods: true,
        events: true,
        node_pools: true,
        assumed: Assumption::None,
    };

    fn fleet() -> Cluster {
        let mut cluster = crate::judge::cluster::sample::empty();
        let node = serde_json::json!({
            "metadata": {"name": "fargate-ip-10-0-0-1", "labels": {"eks.amazonaws.com/compute-type": "fargate"}},
            "status": {"nodeInfo": {"kernelVersion": "6.1.182"}}
        });
        cluster.nodes = Observed::Known(vec![serde_json::from_value(node).unwrap()]);
        let pod = serde_json::json!({
            "metadata": {"name": "a", "namespace": "web", "uid": "u1",
                "labels": {"eks.amazonaws.com/fargate-profile": "web"},
                "creationTimestamp": "2026-11-23T04:00:00Z"},
            "spec": {"schedulerName": "fargate-scheduler", "nodeName": "fargate-ip-10-0-0-1"},
            "status": {"phase": "Running"}
        });
        cluster.fargate_pods = Observed::Known(vec![serde_json::from_value(pod).unwrap()]);
        cluster
    }

    fn of(cluster: &Cluster, switches: Switches) -> Vec<&'static str> {
        let report = judge(cluster, &Measurements::new(), &Policy::default());
        missing(cluster, &report, switches).iter().map(Write::kind).collect()
    }

    fn change<T>(part: &mut Observed<Vec<T>>, change: impl FnOnce(&mut T)) {
        let Observed::Known(all) = part else { panic!("known") };
        change(&mut all[0]);
    }

    #[test]
    fn a_new_fleet_needs_everything_and_each_switch_takes_its_part_away() {
        let cluster = fleet();
        let wanted = ["node_labels", "node_condition", "event", "pod_annotation"];
        assert_eq!(of(&cluster, ALL), wanted);
        assert_eq!(of(&cluster, Switches { nodes: false, ..ALL }), wanted[2..]);
        assert_eq!(
            of(&cluster, Switches { events: false, ..ALL }),
            ["node_labels", "node_condition", "pod_annotation"]
        );
        assert_eq!(of(&cluster, Switches { pods: false, ..ALL }), wanted[..3]);
    }

    #[test]
    fn what_is_there_is_not_written_again() {
        let mut cluster = fleet();
        change(&mut cluster.fargate_pods, |pod| {
            pod.metadata.annotations =
                [("bpfready.io/ebpf".into(), "none".into())].into_iter().collect();
        });
        assert_eq!(of(&cluster, ALL), ["node_labels", "node_condition"]);
        change(&mut cluster.nodes, |node| {
            let ours = [
                ("ebpf", "none"),
                ("cilium-capable", "false"),
                ("cilium-ready", "false"),
                ("compute", "fargate"),
            ];
            let ours = ours
                .map(|(key, value)| (Text::from(format!("bpfready.io/{key}")), Text::from(value)));
            let aws = (Text::from("eks.amazonaws.com/compute-type"), Text::from("fargate"));
            node.metadata.labels = ours.into_iter().chain([aws]).collect();
        });
        assert_eq!(of(&cluster, ALL), ["node_condition"]);
    }

    /// Somebody set `--fargate-ebpf unknown`: what was claimed before is claimed no longer.
    #[test]
    fn what_does_not_hold_any_more_is_taken_back() {
        let mut cluster = fleet();
        let nothing = Policy { fargate: Assumption::Unknown, ..Policy::default() };
        let missing_then = |cluster: &Cluster| {
            let report = judge(cluster, &Measurements::new(), &nothing);
            missing(cluster, &report, Switches { assumed: Assumption::Unknown, ..ALL })
        };
        assert_eq!(missing_then(&cluster), [], "nothing was claimed");
        let mut waiting = cluster.clone();
        change(&mut waiting.fargate_pods, |pod| pod.spec.node_name = Text::default());
        assert_eq!(missing_then(&waiting), [], "nor of a pod whose node is still to come");
        change(&mut cluster.fargate_pods, |pod| {
            pod.metadata.annotations =
                [("bpfready.io/ebpf".into(), "none".into())].into_iter().collect();
        });
        change(&mut cluster.nodes, |node| {
            let written = serde_json::json!({
                "metadata": {"name": "fargate-ip-10-0-0-1", "uid": "n1", "labels": {
                    "eks.amazonaws.com/compute-type": "fargate",
                    "bpfready.io/ebpf": "none", "bpfready.io/cilium-capable": "false"
                }},
                "status": {"conditions": [{
                    "type": "bpfready.io/EbpfReady", "status": "False", "reason": "FargateNoPrivilege"
                }]}
            });
            *node = serde_json::from_value(written).unwrap();
        });
        let (node, uid) = (Text::from("fargate-ip-10-0-0-1"), Text::from("n1"));
        let pod = PodId { namespace: "web".into(), name: "a".into(), uid: "u1".into() };
        let wanted = [
            Write::NodeLabels { node: node.clone(), uid: uid.clone(), labels: &[] },
            Write::NodeCondition { node, uid, marks: None },
            Write::Annotation { pod, value: "" },
        ];
        assert_eq!(missing_then(&cluster), wanted);
    }

    #[test]
    fn a_pod_that_is_over_or_leaving_is_left_alone() {
        let mut cluster = fleet();
        change(&mut cluster.fargate_pods, |pod| pod.status.phase = "Succeeded".into());
        assert_eq!(of(&cluster, ALL), ["node_labels", "node_condition"]);
    }

    #[test]
    fn without_the_annotation_as_a_mark_an_old_pod_gets_no_second_event() {
        let mut cluster = fleet();
        let only_events = Switches { nodes: false, pods: false, ..ALL };
        assert_eq!(of(&cluster, only_events), ["event"]);
        change(&mut cluster.fargate_pods, |pod| {
            pod.metadata.creation_timestamp = Time::parse("2026-11-23T03:00:00Z");
        });
        assert_eq!(of(&cluster, only_events), Vec::<&str>::new());
        assert_eq!(
            of(&cluster, Switches { pods: true, ..only_events }),
            ["event", "pod_annotation"]
        );
    }
}
