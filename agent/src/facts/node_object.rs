//! What the API server says of the Node that the agent runs on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cluster::meta::Owner;

/// The parts of a Node object that the agent needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeObject {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: another one means the Node was deleted and made anew.
    pub uid: String,
    /// `metadata.resourceVersion`; a number, but opaque to all but the comparison of two.
    pub resource_version: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, keys only.
    pub annotations: BTreeSet<String>,
    /// `metadata.ownerReferences`: who made it.
    pub owners: Vec<Owner>,
    /// Who holds each label, by `metadata.managedFields`: label key to field managers.
    pub holders: BTreeMap<String, BTreeSet<String>>,
    /// `spec.providerID`; empty when absent.
    pub provider_id: String,
    /// `spec.taints`, in their order.
    pub taints: Vec<Taint>,
    /// `status.conditions`, by type.
    pub conditions: BTreeMap<String, Condition>,
}

/// One of `spec.taints`, as it is written there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// `key`.
    pub key: String,
    /// `value`; absent is another thing than empty to a patch that tests it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `effect`: `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
    pub effect: String,
    /// `timeAdded`, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_added: Option<String>,
}

/// One of `status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// CamelCase; empty when absent.
    #[serde(default)]
    pub reason: String,
    /// For people; empty when absent.
    #[serde(default)]
    pub message: String,
    /// When `status` last changed, RFC 3339; clock of whoever wrote it.
    #[serde(default)]
    pub last_transition_time: Option<String>,
    /// When it was last written, RFC 3339, likewise.
    #[serde(default)]
    pub last_heartbeat_time: Option<String>,
}

impl NodeObject {
    /// Whether Karpenter made this Node, or is about to register it: by its labels, annotations,
    /// taint or owner.
    pub fn has_karpenter_marks(&self) -> bool {
        const DOMAIN: &str = "karpenter.sh/";
        let taints = self.taints.iter().map(|it| &it.key);
        let mut keys = self.labels.keys().chain(&self.annotations).chain(taints);
        keys.any(|it| it.starts_with(DOMAIN))
            || self
                .owners
                .iter()
                .any(|it| it.kind == "NodeClaim" && it.api_version.starts_with(DOMAIN))
    }

    /// Whether Karpenter's one synchronisation of taints and labels is done.
    pub fn is_registered_by_karpenter(&self) -> bool {
        self.labels.get("karpenter.sh/registered").is_some_and(|it| it == "true")
    }

    /// Whether this is a later state of the same Node than `other`, or the same. `None`: the
    /// versions are no numbers, or the Node is another one.
    pub fn is_as_new_as(&self, other: &str) -> Option<bool> {
        let number = |it: &str| it.parse::<u128>().ok();
        Some(number(&self.resource_version)? >= number(other)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_label(key: &str, value: &str) -> NodeObject {
        NodeObject { labels: [(key.into(), value.into())].into(), ..NodeObject::default() }
    }

    /// karpenter v1.14: the taint is there before any label of Karpenter's is.
    #[test]
    fn karpenter_is_known_by_its_taint_before_it_registers_the_node() {
        let taint = Taint {
            key: "karpenter.sh/unregistered".into(),
            value: None,
            effect: "NoExecute".into(),
            time_added: None,
        };
        let node = NodeObject { taints: vec![taint], ..NodeObject::default() };
        assert!(node.has_karpenter_marks() && !node.is_registered_by_karpenter());
        assert!(!with_label("kubernetes.io/os", "linux").has_karpenter_marks());
        assert!(with_label("karpenter.sh/registered", "true").is_registered_by_karpenter());
        assert!(!with_label("karpenter.sh/registered", "false").is_registered_by_karpenter());
    }
}
