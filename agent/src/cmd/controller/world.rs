//! What the controller knows of the cluster: kept up to date by watches, judged as a whole.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::watches::{Heard, Pods};
use crate::facts::cluster::meta::Named;
use crate::facts::cluster::{Cluster, Node, Pod, Text};
use crate::facts::{Cause, Failure, Observed};
use crate::judge::cluster::Measurements;
use crate::observe::cluster::follow::Change;

/// The cluster and what its agents measured.
#[derive(Debug)]
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) measurements: Measurements,
    /// Everything was looked at once, whatever came of it.
    nodes_heard: bool,
    pods_heard: Vec<Pods>,
    rest_heard: bool,
}

impl World {
    /// Nothing was heard yet.
    pub(super) fn new(mut cluster: Cluster) -> Self {
        cluster.nodes = not_yet();
        for which in Pods::ALL {
            *part(&mut cluster, which) = not_yet();
        }
        Self {
            cluster,
            measurements: Measurements::new(),
            nodes_heard: false,
            pods_heard: Vec::new(),
            rest_heard: false,
        }
    }

    /// Whether there is enough to judge.
    pub(super) fn is_whole(&self) -> bool {
        self.nodes_heard && self.pods_heard.len() == Pods::ALL.len() && self.rest_heard
    }

    /// Takes what a watch says. Whether anything that is judged is different now: every kubelet writes
    /// its Node each few minutes, and mostly the same.
    pub(super) fn hear(&mut self, heard: Heard) -> bool {
        match heard {
            Heard::Nodes(change) => self.nodes(change),
            Heard::Pods(which, change) => {
                if !self.pods_heard.contains(&which) {
                    self.pods_heard.push(which);
                }
                apply(part(&mut self.cluster, which), change)
            }
        }
    }

    fn nodes(&mut self, change: Change<Node>) -> bool {
        self.nodes_heard = true;
        // A measurement of a node that is gone must not come back with the next node of its name.
        match &change {
            Change::Gone(_, name) => drop(self.measurements.remove(name)),
            Change::Set(node) if self.is_another(node) => {
                self.measurements.remove(&node.metadata.name);
            }
            Change::All(nodes) => {
                let others: BTreeSet<Text> = nodes
                    .iter()
                    .filter(|it| !self.is_another(it))
                    .map(|it| it.metadata.name.clone())
                    .collect();
                self.measurements.retain(|name, _| others.contains(name));
            }
            Change::Set(_) | Change::Broken(_) => {}
        }
        apply(&mut self.cluster.nodes, change)
    }

    /// Whether this is not the node of its name that was known before.
    fn is_another(&self, node: &Node) -> bool {
        let nodes = Cluster::known(&self.cluster.nodes);
        let known = nodes.binary_search_by(|it| compare(it, node));
        !known.is_ok_and(|at| nodes[at].metadata.uid == node.metadata.uid)
    }

    /// Takes a new look at everything that is not watched.
    pub(super) fn rest(&mut self, mut rest: Cluster) {
        self.rest_heard = true;
        std::mem::swap(&mut rest.nodes, &mut self.cluster.nodes);
        for which in Pods::ALL {
            std::mem::swap(part(&mut rest, which), part(&mut self.cluster, which));
        }
        self.cluster = rest;
    }
}

fn part(cluster: &mut Cluster, which: Pods) -> &mut Observed<Vec<Pod>> {
    match which {
        Pods::Fargate => &mut cluster.fargate_pods,
        Pods::Cilium => &mut cluster.cilium_pods,
        Pods::VpcCni => &mut cluster.vpc_cni_pods,
        Pods::Agents => &mut cluster.agent_pods,
        Pods::Pending => &mut cluster.pending_pods,
    }
}

fn not_yet<T>() -> Observed<T> {
    Observed::unknown(Cause::Prerequisite, "not listed yet")
}

/// Applies one change to a list that is sorted by namespace and name. Whether it is different then.
fn apply<T: Named + PartialEq>(part: &mut Observed<Vec<T>>, change: Change<T>) -> bool {
    match (change, part) {
        (Change::All(mut all), part) => {
            all.sort_by(compare);
            let all = Observed::Known(all);
            let is_news = *part != all;
            *part = all;
            is_news
        }
        (Change::Set(object), Observed::Known(all)) => set(all, object),
        (Change::Gone(namespace, name), Observed::Known(all)) => {
            let found = all.binary_search_by(|it| {
                let meta = it.meta();
                (&meta.namespace, &meta.name).cmp(&(&namespace, &name))
            });
            found.is_ok_and(|at| {
                all.remove(at);
                true
            })
        }
        // What was seen stays: it is old, not wrong.
        (Change::Broken(failure), Observed::Known(_)) => {
            tell(&failure);
            false
        }
        (Change::Broken(failure), part) => {
            tell(&failure);
            let failure = Observed::Unknown(failure);
            let is_news = *part != failure;
            *part = failure;
            is_news
        }
        (Change::Set(_) | Change::Gone(..), Observed::Unknown(_)) => false,
    }
}

fn set<T: Named + PartialEq>(all: &mut Vec<T>, object: T) -> bool {
    match all.binary_search_by(|it| compare(it, &object)) {
        Ok(at) if all[at] == object => false,
        Ok(at) => {
            all[at] = object;
            true
        }
        Err(at) => {
            all.insert(at, object);
            true
        }
    }
}

fn tell(failure: &Failure) {
    tracing::warn!(detail = failure.detail, "a watch broke; it is taken up again");
}

fn compare<T: Named>(one: &T, other: &T) -> Ordering {
    let (one, other) = (one.meta(), other.meta());
    (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::cluster::{Interner, Trim as _};

    fn node(name: &str, uid: &str) -> Node {
        let mut node = Node::default();
        node.metadata.name = name.into();
        node.metadata.uid = uid.into();
        node
    }

    fn told(part: &Observed<Vec<Node>>) -> Vec<(String, String)> {
        let nodes = Cluster::known(part).iter();
        nodes.map(|it| (it.metadata.name.to_string(), it.metadata.uid.to_string())).collect()
    }

    #[test]
    fn changes_keep_the_list_sorted_and_each_object_once() {
        let mut part = not_yet();
        apply(&mut part, Change::Set(node("x", "0")));
        assert_eq!(part.known(), None, "before the first list nothing is known");
        apply(&mut part, Change::All(vec![node("b", "1"), node("a", "1")]));
        apply(&mut part, Change::Set(node("c", "1")));
        apply(&mut part, Change::Set(node("b", "2")));
        apply(&mut part, Change::Gone("".into(), "a".into()));
        apply(&mut part, Change::Gone("".into(), "z".into()));
        assert_eq!(told(&part), [("b".into(), "2".into()), ("c".into(), "1".into())]);
    }

    /// A kubelet's heartbeat changes times and its Node's version: neither is kept.
    #[test]
    fn a_heartbeat_is_no_news_and_a_change_is() {
        let written = |version: &str, time: &str, ready: &str| -> Node {
            let mut node: Node = serde_json::from_value(serde_json::json!({
                "metadata": {"name": "a", "uid": "1", "resourceVersion": version},
                "status": {"conditions": [{"type": "Ready", "status": ready,
                    "lastHeartbeatTime": time, "lastTransitionTime": "2026-11-23T10:00:00Z"}]}
            }))
            .unwrap();
            node.trim(&mut Interner::default());
            node
        };
        let mut world = World::new(Cluster::not_read(0));
        let mut set = |node| world.hear(Heard::Nodes(Change::Set(node)));
        assert!(!set(written("1", "2026-11-23T10:00:00Z", "True")), "nothing was listed yet");
        let first = written("1", "2026-11-23T10:00:00Z", "True");
        assert!(world.hear(Heard::Nodes(Change::All(vec![first.clone()]))));
        assert!(!world.hear(Heard::Nodes(Change::All(vec![first]))), "a watch that began anew");
        let mut set = |node| world.hear(Heard::Nodes(Change::Set(node)));
        assert!(!set(written("2", "2026-11-23T10:05:00Z", "True")));
        assert!(set(written("3", "2026-11-23T10:10:00Z", "Unknown")));
    }

    #[test]
    fn a_measurement_goes_with_its_node() {
        let mut world = World::new(Cluster::not_read(0));
        let measured = |world: &mut World| {
            let failure = Observed::unknown(Cause::Timeout, "late");
            world.measurements.insert("a".into(), failure);
        };
        let list = |uid: &str| Heard::Nodes(Change::All(vec![node("a", uid)]));
        world.hear(list("1"));
        measured(&mut world);
        world.hear(Heard::Nodes(Change::Set(node("a", "1"))));
        world.hear(list("1"));
        assert_eq!(world.measurements.len(), 1);
        world.hear(Heard::Nodes(Change::Set(node("a", "2"))));
        assert!(world.measurements.is_empty(), "another node of this name");
        measured(&mut world);
        world.hear(list("3"));
        assert!(world.measurements.is_empty(), "made anew while the watch was broken");
    }

    #[test]
    fn a_broken_watch_costs_nothing_that_was_seen() {
        let mut part = Observed::Known(vec![node("a", "1")]);
        apply(&mut part, Change::Broken(Failure::new(Cause::Io, "reset")));
        assert_eq!(told(&part).len(), 1);
        let mut never = not_yet();
        apply(&mut never, Change::<Node>::Broken(Failure::new(Cause::PermissionDenied, "no")));
        assert_eq!(never.failure().map(|it| it.cause), Some(Cause::PermissionDenied));
    }
}
