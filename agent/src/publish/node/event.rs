//! Kubernetes Events: what changed, told once.

use kube::runtime::events::{Event, EventType};

use super::desired::Desired;
use super::promise::{Promise, promise};
use crate::facts::node_object::NodeObject;

/// What was told last, so that it is not told again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    promise: Option<(String, String)>,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Something is wrong.
    pub is_warning: bool,
    /// CamelCase.
    pub reason: String,
    /// What was done or found, CamelCase.
    pub action: &'static str,
    /// At most 1 kB.
    pub note: String,
}

/// Conditions whose status is another one than the Node shows. The first status of a new Node is
/// news only if it is bad.
pub fn transitions(desired: &Desired, node: &NodeObject) -> Vec<News> {
    let changed = desired.conditions.iter().filter_map(|wanted| {
        let status = wanted.status.as_str();
        let before = node.conditions.get(&wanted.kind).map(|it| it.status.as_str());
        let is_news = before.map_or(status == "False", |it| it != status);
        is_news.then(|| {
            let name = wanted.kind.rsplit('/').next().unwrap_or(&wanted.kind);
            News {
                is_warning: status == "False",
                reason: format!("{name}{status}"),
                action: "VerdictChanged",
                note: wanted.message.clone(),
            }
        })
    });
    changed.collect()
}

/// A promise that is newly broken, or broken in another way than before.
pub fn broken_promise(desired: &Desired, node: &NodeObject, told: &mut Told) -> Option<News> {
    let broken = match promise(desired, node) {
        Some((expected, Promise::Broken)) => Some((expected, desired.datapath.clone())),
        // Not to know is neither: what was told stays told.
        Some((_, Promise::Unknown)) => return None,
        Some((_, Promise::Kept)) | None => None,
    };
    if told.promise == broken {
        return None;
    }
    told.promise.clone_from(&broken);
    let (expected, actual) = broken?;
    let label = &desired.promise;
    Some(News {
        is_warning: true,
        reason: "PromiseMismatch".into(),
        action: "Compared",
        note: format!("The label {label}={expected} promises a datapath; this node has {actual}."),
    })
}

/// The startup taint went.
pub fn taint_removed(desired: &Desired) -> News {
    News {
        is_warning: false,
        reason: "StartupTaintRemoved".into(),
        action: "Untainted",
        note: format!("The gate is open: the startup taint {} was removed.", desired.taint),
    }
}

impl From<News> for Event {
    fn from(news: News) -> Self {
        let News { is_warning, reason, action, note } = news;
        Self {
            type_: if is_warning { EventType::Warning } else { EventType::Normal },
            reason,
            note: Some(note),
            action: action.to_owned(),
            secondary: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desired::{Status, WantedCondition};
    use super::*;
    use crate::facts::node_object::Condition;

    fn wanted(status: Status, datapath: &str) -> Desired {
        let condition = WantedCondition {
            kind: "bpfready.io/EbpfReady".into(),
            status,
            reason: "Supported".into(),
            message: "Words.".into(),
        };
        Desired {
            labels: [].into(),
            conditions: vec![condition],
            taint: "bpfready.io/not-ready".into(),
            is_gate_open: true,
            promise: "bpfready.io/expect-datapath".into(),
            compute: "bpfready.io/compute".into(),
            datapath: datapath.into(),
        }
    }

    fn node(status: Option<&str>) -> NodeObject {
        let condition = |status: &str| Condition {
            status: status.into(),
            reason: String::new(),
            message: String::new(),
            last_transition_time: None,
            last_heartbeat_time: None,
        };
        NodeObject {
            labels: [("bpfready.io/expect-datapath".into(), "cilium".into())].into(),
            conditions: status
                .map(|it| ("bpfready.io/EbpfReady".to_owned(), condition(it)))
                .into_iter()
                .collect(),
            ..NodeObject::default()
        }
    }

    #[test]
    fn a_change_of_status_is_news_and_a_good_beginning_is_none() {
        let news = transitions(&wanted(Status::False, "x"), &node(Some("True")));
        assert_eq!((news.len(), &*news[0].reason), (1, "EbpfReadyFalse"));
        assert!(news[0].is_warning);
        assert_eq!(transitions(&wanted(Status::True, "x"), &node(None)), []);
        assert_eq!(transitions(&wanted(Status::False, "x"), &node(None)).len(), 1);
        assert_eq!(transitions(&wanted(Status::True, "x"), &node(Some("True"))), []);
    }

    #[test]
    fn a_broken_promise_is_told_once_for_each_way_it_is_broken() {
        let mut told = Told::default();
        let mut tell = |datapath: &str| {
            broken_promise(&wanted(Status::True, datapath), &node(None), &mut told).is_some()
        };
        assert!(!tell("cilium"));
        assert!(tell("aws-vpc-cni"));
        assert!(!tell("aws-vpc-cni"));
        assert!(!tell("unknown"), "not to know breaks nothing");
        assert!(!tell("aws-vpc-cni"));
        assert!(tell("flannel"));
        assert!(!tell("cilium"));
        assert!(tell("aws-vpc-cni"));
    }
}
