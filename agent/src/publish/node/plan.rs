//! The difference between the Node as it is and as it should be, as writes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::MANAGER;
use super::desired::{Desired, WantedCondition};
use crate::facts::cluster::{self, text::Text};
use crate::facts::node_object::{Condition, NodeObject, Taint};
use crate::judge::cluster::compute::compute;

/// One write to the Node.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Server-side apply of exactly these labels: what was applied before and is not among them
    /// goes.
    Labels(BTreeMap<String, String>),
    /// Server-side apply of these conditions on the status subresource.
    Conditions(Vec<AppliedCondition>),
    /// JSON patch that takes this taint away if it is still at this place.
    Taint {
        /// Place in `spec.taints`.
        index: usize,
        /// What has to be there.
        taint: Taint,
    },
}

/// A condition as it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedCondition {
    /// The whole type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Now, RFC 3339.
    pub last_heartbeat_time: String,
    /// When `status` changed: kept from the Node as long as it does not.
    pub last_transition_time: String,
}

/// What time it is.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// The wall clock, RFC 3339 in seconds.
    pub wall: String,
    /// The heartbeat of the conditions is due.
    pub is_heartbeat_due: bool,
}

/// Everything that has to be written now; nothing, when the Node is as it should be.
pub fn plan(desired: &Desired, node: &NodeObject, now: &Now) -> Vec<Write> {
    let mut writes = Vec::new();
    writes.extend(labels(desired, node));
    writes.extend(conditions(desired, node, now));
    writes.extend(taint(desired, node));
    writes
}

/// Keys of the agent that another writer holds: whoever wrote them first keeps them. A NodePool's
/// promise is never overwritten, and a label set by hand stays until it is taken away by hand. Who
/// applied the same value as the agent holds it with the agent: as soon as it is to be another one,
/// the agent lets it go, because every apply of it would be refused.
pub fn held_by_others(desired: &Desired, node: &NodeObject) -> BTreeSet<String> {
    let others = |(key, wanted): (&String, &String)| {
        let holders = node.holders.get(key)?;
        let has_other = holders.iter().any(|it| it != MANAGER);
        let wanted = wanted_of(key, wanted, desired, node);
        let is_shared = holders.contains(MANAGER) && node.labels.get(key) == Some(&wanted);
        (has_other && !is_shared).then(|| key.clone())
    };
    desired.labels.iter().filter_map(others).collect()
}

/// The value that a label ought to have: what kind of machine it is follows from the Node.
fn wanted_of(key: &String, value: &str, desired: &Desired, node: &NodeObject) -> String {
    match *key == desired.compute {
        true => compute_of(node).to_owned(),
        false => value.to_owned(),
    }
}

fn labels(desired: &Desired, node: &NodeObject) -> Option<Write> {
    let held = held_by_others(desired, node);
    let ours: BTreeMap<String, String> = desired
        .labels
        .iter()
        .filter(|(key, _)| !held.contains(*key))
        .map(|(key, value)| (key.clone(), wanted_of(key, value, desired, node)))
        .collect();
    let holds = |key: &&String| node.holders.get(*key).is_some_and(|it| it.contains(MANAGER));
    let held_by_us: BTreeSet<&String> = node.holders.keys().filter(holds).collect();
    let is_there = ours.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    let is_ours = held_by_us == ours.keys().collect();
    (!is_there || !is_ours).then_some(Write::Labels(ours))
}

/// What kind of machine the cloud and Karpenter say this is. Values of annotations are not kept: the
/// one sign among them is that of simulated nodes, where no agent runs.
fn compute_of(node: &NodeObject) -> &'static str {
    let text = |it: &str| Text::from(it);
    let taints = node.taints.iter().map(|it| cluster::condition::Taint {
        key: text(&it.key),
        value: text(it.value.as_deref().unwrap_or_default()),
        effect: text(&it.effect),
    });
    let labels = node.labels.iter().map(|(key, value)| (text(key), text(value)));
    let seen = cluster::node::Node {
        metadata: cluster::meta::Meta {
            name: text(&node.name),
            labels: labels.collect(),
            owner_references: node.owners.clone(),
            ..Default::default()
        },
        spec: cluster::node::NodeSpec {
            provider_id: text(&node.provider_id),
            taints: taints.collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    compute(&seen).compute.as_str()
}

fn conditions(desired: &Desired, node: &NodeObject, now: &Now) -> Option<Write> {
    let is_there = |wanted: &WantedCondition| {
        node.conditions.get(&wanted.kind).is_some_and(|it| {
            let WantedCondition { kind: _, status, reason, message } = wanted;
            it.status == status.as_str() && it.reason == *reason && it.message == *message
        })
    };
    if !now.is_heartbeat_due && desired.conditions.iter().all(is_there) {
        return None;
    }
    let applied =
        desired.conditions.iter().map(|it| applied(it, node.conditions.get(&it.kind), now));
    Some(Write::Conditions(applied.collect()))
}

fn applied(wanted: &WantedCondition, before: Option<&Condition>, now: &Now) -> AppliedCondition {
    let WantedCondition { kind, status, reason, message } = wanted.clone();
    let same = before.filter(|it| it.status == status.as_str());
    let since = same.and_then(|it| it.last_transition_time.clone());
    AppliedCondition {
        kind,
        status: status.as_str(),
        reason,
        message,
        last_heartbeat_time: now.wall.clone(),
        last_transition_time: since.unwrap_or_else(|| now.wall.clone()),
    }
}

/// Karpenter writes a NodePool's taints once, when it registers the Node; a taint that was taken
/// away before that comes back for ever. Each effect of the key is a taint of its own; one goes at
/// a time, so that the place of the next is read from the Node.
fn taint(desired: &Desired, node: &NodeObject) -> Option<Write> {
    let may_go =
        desired.is_gate_open && (node.is_registered_by_karpenter() || !node.has_karpenter_marks());
    let index = node.taints.iter().position(|it| it.key == desired.taint)?;
    may_go.then(|| Write::Taint { index, taint: node.taints[index].clone() })
}

#[cfg(test)]
mod tests {
    use super::super::desired::Status;
    use super::*;
    use crate::facts::cluster::meta::Owner;

    const WALL: &str = "2026-11-23T05:00:00Z";
    const EARLIER: &str = "2026-11-23T04:00:00Z";

    fn wanted() -> Desired {
        let condition = WantedCondition {
            kind: "bpfready.io/EbpfReady".into(),
            status: Status::True,
            reason: "Supported".into(),
            message: "All of it.".into(),
        };
        Desired {
            labels: [("bpfready.io/ebpf".into(), "full".into())].into(),
            conditions: vec![condition],
            taint: "bpfready.io/not-ready".into(),
            is_gate_open: true,
            promise: "bpfready.io/expect-datapath".into(),
            compute: "bpfready.io/compute".into(),
            datapath: "cilium".into(),
        }
    }

    fn now() -> Now {
        Now { wall: WALL.into(), ..Now::default() }
    }

    /// The Node after everything was written.
    fn written() -> NodeObject {
        let condition = Condition {
            status: "True".into(),
            reason: "Supported".into(),
            message: "All of it.".into(),
            last_transition_time: Some(EARLIER.into()),
            last_heartbeat_time: Some(EARLIER.into()),
        };
        NodeObject {
            labels: wanted().labels,
            holders: [("bpfready.io/ebpf".into(), [MANAGER.to_owned()].into())].into(),
            conditions: [("bpfready.io/EbpfReady".into(), condition)].into(),
            ..NodeObject::default()
        }
    }

    fn startup_taint() -> Taint {
        Taint {
            key: "bpfready.io/not-ready".into(),
            value: None,
            effect: "NoSchedule".into(),
            time_added: None,
        }
    }

    #[test]
    fn a_node_that_is_as_it_should_be_gets_no_write() {
        assert_eq!(plan(&wanted(), &written(), &now()), []);
    }

    /// The timer of heartbeats is monotonic; the wall clock is only written down.
    #[test]
    fn a_wall_clock_that_jumps_decides_nothing() {
        for wall in ["1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z"] {
            let quiet = Now { wall: wall.into(), is_heartbeat_due: false };
            assert_eq!(plan(&wanted(), &written(), &quiet), [], "{wall}");
            let beat = Now { is_heartbeat_due: true, ..quiet };
            let writes = plan(&wanted(), &written(), &beat);
            let [Write::Conditions(conditions)] = &writes[..] else { panic!("{writes:?}") };
            assert_eq!(conditions[0].last_heartbeat_time, wall);
            assert_eq!(conditions[0].last_transition_time, EARLIER, "nothing went over");
        }
    }

    #[test]
    fn a_new_node_gets_labels_and_conditions() {
        let writes = plan(&wanted(), &NodeObject::default(), &now());
        let [Write::Labels(labels), Write::Conditions(conditions)] = &writes[..] else {
            panic!("{writes:?}")
        };
        assert_eq!(*labels, wanted().labels);
        assert_eq!(conditions[0].last_transition_time, WALL);
    }

    #[test]
    fn the_kind_of_machine_is_read_from_the_node() {
        let mut wanted = wanted();
        wanted.labels.insert("bpfready.io/compute".into(), "unknown".into());
        let mut node = written();
        node.labels.insert("eks.amazonaws.com/nodegroup".into(), "workers".into());
        let writes = plan(&wanted, &node, &now());
        let [Write::Labels(labels)] = &writes[..] else { panic!("{writes:?}") };
        assert_eq!(labels["bpfready.io/compute"], "eks-managed");
        let claim = Owner {
            api_version: "karpenter.sh/v1".into(),
            kind: "NodeClaim".into(),
            ..Owner::default()
        };
        let claimed = NodeObject { owners: vec![claim], ..written() };
        let [Write::Labels(labels)] = &plan(&wanted, &claimed, &now())[..] else { panic!() };
        assert_eq!(labels["bpfready.io/compute"], "karpenter");
    }

    #[test]
    fn a_heartbeat_keeps_the_time_of_the_transition() {
        let due = Now { is_heartbeat_due: true, ..now() };
        let writes = plan(&wanted(), &written(), &due);
        let [Write::Conditions(conditions)] = &writes[..] else { panic!("{writes:?}") };
        assert_eq!(conditions[0].last_heartbeat_time, WALL);
        assert_eq!(conditions[0].last_transition_time, EARLIER);
    }

    #[test]
    fn a_change_of_reason_alone_is_no_transition_and_a_change_of_status_is() {
        let mut wanted = wanted();
        wanted.conditions[0].reason = "Other".into();
        let transition = |wanted: &Desired| match &plan(wanted, &written(), &now())[..] {
            [Write::Conditions(it)] => it[0].last_transition_time.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(transition(&wanted), EARLIER);
        wanted.conditions[0].status = Status::Unknown;
        assert_eq!(transition(&wanted), WALL);
    }

    #[test]
    fn a_label_of_another_writer_is_left_to_it() {
        let mut node = written();
        node.labels.insert("bpfready.io/ebpf".into(), "none".into());
        node.holders.insert("bpfready.io/ebpf".into(), ["karpenter".to_owned()].into());
        assert_eq!(plan(&wanted(), &node, &now()), []);
        assert_eq!(held_by_others(&wanted(), &node), ["bpfready.io/ebpf".to_owned()].into());
    }

    #[test]
    fn a_label_that_is_shared_is_let_go_when_it_is_to_change() {
        let mut node = written();
        let both = [MANAGER.to_owned(), "argocd".to_owned()];
        node.holders.insert("bpfready.io/ebpf".into(), both.into());
        assert_eq!(plan(&wanted(), &node, &now()), [], "both say the same");
        let mut wanted = wanted();
        wanted.labels.insert("bpfready.io/ebpf".into(), "partial".into());
        assert_eq!(plan(&wanted, &node, &now()), [Write::Labels(BTreeMap::new())]);
        // After that it is the other one's alone.
        node.holders.insert("bpfready.io/ebpf".into(), ["argocd".to_owned()].into());
        assert_eq!(plan(&wanted, &node, &now()), []);
    }

    #[test]
    fn a_label_that_is_no_longer_wanted_is_left_out_of_what_is_applied() {
        let mut node = written();
        node.labels.insert("bpfready.io/old".into(), "x".into());
        node.holders.insert("bpfready.io/old".into(), [MANAGER.to_owned()].into());
        assert_eq!(plan(&wanted(), &node, &now()), [Write::Labels(wanted().labels)]);
    }

    #[test]
    fn the_startup_taint_goes_when_the_gate_is_open_and_karpenter_is_done() {
        let mut node = written();
        node.taints = vec![Taint { key: "other".into(), ..startup_taint() }, startup_taint()];
        let removal = Write::Taint { index: 1, taint: startup_taint() };
        assert_eq!(plan(&wanted(), &node, &now()), std::slice::from_ref(&removal));

        let shut = Desired { is_gate_open: false, ..wanted() };
        assert_eq!(plan(&shut, &node, &now()), []);

        node.labels.insert("karpenter.sh/nodepool".into(), "cilium".into());
        assert_eq!(plan(&wanted(), &node, &now()), [], "Karpenter would put it back");
        node.labels.insert("karpenter.sh/registered".into(), "true".into());
        assert_eq!(plan(&wanted(), &node, &now()), [removal]);
    }
}
