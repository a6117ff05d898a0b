//! The agent's own Node.

use std::collections::{BTreeMap, BTreeSet};

use futures::{Stream, StreamExt as _};
use kube::api::{Api, ApiResource, ObjectMeta};
use kube::core::Object;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Resource as _};
use serde::{Deserialize, Serialize};

use super::Patience;
use crate::facts::cluster::meta::Owner;
use crate::facts::node_object::{Condition, NodeObject, Taint};

/// A Node with what is needed of it.
type Slim = Object<Spec, Status>;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "providerID")]
    provider_id: String,
    taints: Vec<Taint>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Vec<Typed>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    condition: Condition,
}

/// The Node's states, one after the other; `None`: there is none of this name. Reconnects for ever,
/// with waits in between; what went wrong is logged.
pub fn own_node(
    client: Client,
    name: &str,
) -> impl Stream<Item = Option<NodeObject>> + Send + use<> {
    let resource = ApiResource {
        group: String::new(),
        version: "v1".into(),
        api_version: "v1".into(),
        kind: "Node".into(),
        plural: "nodes".into(),
    };
    let api: Api<Slim> = Api::all_with(client, &resource);
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    // Whether the list that is being read holds the Node.
    let states =
        watcher(api, config).backoff(Patience::default()).scan(false, |is_there, event| {
            use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
            let state = match event {
                Ok(Init) => {
                    *is_there = false;
                    None
                }
                Ok(InitApply(node)) => {
                    *is_there = true;
                    Some(Some(convert(node)))
                }
                Ok(InitDone) => (!*is_there).then_some(None),
                Ok(Apply(node)) => Some(Some(convert(node))),
                Ok(Delete(_)) => Some(None),
                Err(error) => {
                    tracing::warn!(%error, "the watch of the Node broke; it is taken up again");
                    None
                }
            };
            futures::future::ready(Some(state))
        });
    states.filter_map(futures::future::ready)
}

fn convert(node: Slim) -> NodeObject {
    let meta = node.meta();
    let holders = holders(meta);
    let ObjectMeta { name, uid, resource_version, labels, annotations, owner_references, .. } =
        node.metadata;
    let owners = owner_references.unwrap_or_default().into_iter().map(|it| Owner {
        api_version: it.api_version.into(),
        kind: it.kind.into(),
        name: it.name.into(),
    });
    let conditions = node.status.unwrap_or_default().conditions;
    NodeObject {
        name: name.unwrap_or_default(),
        uid: uid.unwrap_or_default(),
        resource_version: resource_version.unwrap_or_default(),
        labels: labels.unwrap_or_default(),
        annotations: annotations.unwrap_or_default().into_keys().collect(),
        owners: owners.collect(),
        holders,
        provider_id: node.spec.provider_id,
        taints: node.spec.taints,
        conditions: conditions.into_iter().map(|it| (it.kind, it.condition)).collect(),
    }
}

/// Who holds which label: the keys `f:KEY` below `f:metadata`, `f:labels` of each manager's fields
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
fn holders(meta: &ObjectMeta) -> BTreeMap<String, BTreeSet<String>> {
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in meta.managed_fields.iter().flatten() {
        let fields = entry.fields_v1.as_ref().map(|it| &it.0);
        let labels = fields.and_then(|it| it.get("f:metadata")?.get("f:labels")?.as_object());
        let keys = labels.into_iter().flat_map(serde_json::Map::keys);
        for key in keys.filter_map(|it| it.strip_prefix("f:")) {
            let manager = entry.manager.clone().unwrap_or_default();
            holders.entry(key.to_owned()).or_default().insert(manager);
        }
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a Node of a kube-apiserver 1.33, cut to what matters.
    const NODE: &str = r#"{
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "ip-10-0-1-2", "uid": "u1", "resourceVersion": "42",
            "labels": {"bpfready.io/ebpf": "full", "kubernetes.io/os": "linux"},
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
            "ownerReferences": [{"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
                "name": "default-x", "uid": "u2", "blockOwnerDeletion": true}],
            "managedFields": [
                {"manager": "kubelet", "operation": "Update", "apiVersion": "v1",
                 "time": "2026-11-23T04:00:00Z", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/os": {}}}}},
                {"manager": "bpfready-agent", "operation": "Apply", "apiVersion": "v1",
                 "time": "2026-11-23T04:00:00Z", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:metadata": {"f:labels": {"f:bpfready.io/ebpf": {}}}}}
            ]
        },
        "spec": {"podCIDR": "10.1.0.0/24", "providerID": "aws:///eu-central-1b/i-1",
            "taints": [{"key": "bpfready.io/not-ready", "effect": "NoSchedule"}]},
        "status": {"capacity": {"cpu": "2"}, "conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "m",
             "lastHeartbeatTime": "2026-11-23T04:00:00Z", "lastTransitionTime": "2026-11-23T04:00:00Z"}
        ]}
    }"#;

    #[test]
    fn a_node_is_read_with_taints_conditions_and_holders_of_labels() {
        let node = convert(serde_json::from_str(NODE).unwrap());
        assert_eq!((&*node.name, &*node.uid, &*node.resource_version), ("ip-10-0-1-2", "u1", "42"));
        assert_eq!(node.taints[0].key, "bpfready.io/not-ready");
        assert_eq!(node.taints[0].value, None);
        assert_eq!(node.conditions["Ready"].status, "True");
        let owner = &node.owners[0];
        assert_eq!((&*owner.api_version, &*owner.kind), ("karpenter.sh/v1", "NodeClaim"));
        assert_eq!(node.provider_id, "aws:///eu-central-1b/i-1");
        let managers = |key: &str| node.holders[key].iter().cloned().collect::<Vec<_>>();
        assert_eq!(managers("bpfready.io/ebpf"), ["bpfready-agent"]);
        assert_eq!(managers("kubernetes.io/os"), ["kubelet"]);
    }

    #[test]
    fn a_node_without_spec_and_status_is_a_node() {
        let bare = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{}}"#;
        let node = convert(serde_json::from_str(bare).unwrap());
        assert!(node.taints.is_empty() && node.conditions.is_empty());
    }
}
