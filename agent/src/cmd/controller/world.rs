//! What the controller knows of the cluster: kept up to date by watches, judged as a whole.

use std::cmp::Ordering;

use crate::facts::cluster::meta::Named;
use crate::facts::cluster::{Cluster, Node, Pod};
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
    pods_heard: bool,
    rest_heard: bool,
}

impl World {
    /// Nothing was heard yet.
    pub(super) fn new(mut cluster: Cluster) -> Self {
        cluster.nodes = not_yet();
        cluster.fargate_pods = not_yet();
        Self {
            cluster,
            measurements: Measurements::new(),
            nodes_heard: false,
            pods_heard: false,
            rest_heard: false,
        }
    }

    /// Whether there is enough to judge.
    pub(super) fn is_whole(&self) -> bool {
        self.nodes_heard && self.pods_heard && self.rest_heard
    }

    pub(super) fn nodes(&mut self, change: Change<Node>) {
        self.nodes_heard = true;
        // A measurement of a node that is gone must not come back with the next node of its name.
        if let Change::Gone(_, name) = &change {
            self.measurements.remove(name);
        }
        let is_list = matches!(change, Change::All(_));
        apply(&mut self.cluster.nodes, change);
        if let (true, Observed::Known(nodes)) = (is_list, &self.cluster.nodes) {
            self.measurements
                .retain(|name, _| nodes.binary_search_by(|it| it.metadata.name.cmp(name)).is_ok());
        }
    }

    pub(super) fn pods(&mut self, change: Change<Pod>) {
        self.pods_heard = true;
        apply(&mut self.cluster.fargate_pods, change);
    }

    /// Takes a new look at everything that is not watched.
    pub(super) fn rest(&mut self, mut rest: Cluster) {
        self.rest_heard = true;
        std::mem::swap(&mut rest.nodes, &mut self.cluster.nodes);
        std::mem::swap(&mut rest.fargate_pods, &mut self.cluster.fargate_pods);
        self.cluster = rest;
    }
}

fn not_yet<T>() -> Observed<T> {
    Observed::unknown(Cause::Prerequisite, "not listed yet")
}

/// Applies one change to a list that is sorted by namespace and name.
fn apply<T: Named>(part: &mut Observed<Vec<T>>, change: Change<T>) {
    match (change, part) {
        (Change::All(mut all), part) => {
            all.sort_by(compare);
            *part = Observed::Known(all);
        }
        (Change::Set(object), Observed::Known(all)) => {
            match all.binary_search_by(|it| compare(it, &object)) {
                Ok(at) => all[at] = object,
                Err(at) => all.insert(at, object),
            }
        }
        (Change::Gone(namespace, name), Observed::Known(all)) => {
            let found = all.binary_search_by(|it| {
                let meta = it.meta();
                (&meta.namespace, &meta.name).cmp(&(&namespace, &name))
            });
            if let Ok(at) = found {
                all.remove(at);
            }
        }
        // What was seen stays: it is old, not wrong.
        (Change::Broken(failure), Observed::Known(_)) => tell(&failure),
        (Change::Broken(failure), part) => {
            tell(&failure);
            *part = Observed::Unknown(failure);
        }
        (Change::Set(_) | Change::Gone(..), Observed::Unknown(_)) => {}
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
