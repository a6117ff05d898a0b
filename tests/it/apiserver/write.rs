//! Patches, updates and what is not valid.

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, ObjectReference, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event as NewEvent, EventType, Recorder, Reporter};
use serde_json::{Value, json};

use super::{code, label, node, pod, with_node};

fn taints(node: &Node) -> Vec<String> {
    let taints = node.spec.as_ref().and_then(|it| it.taints.clone()).unwrap_or_default();
    taints.into_iter().map(|it| format!("{}:{}", it.key, it.effect)).collect()
}

fn json_patch(patch: Value) -> Patch<()> {
    Patch::Json(serde_json::from_value(patch).unwrap())
}

#[tokio::test]
async fn a_new_node_is_tainted_and_taints_go_by_a_guarded_json_patch() {
    let (_server, nodes) = with_node().await;
    let node = nodes.get("a").await.unwrap();
    assert_eq!(taints(&node), ["node.kubernetes.io/not-ready:NoSchedule"]);
    let now = serde_json::to_value(&node.spec.unwrap().taints).unwrap();
    let params = PatchParams::default();
    let wrong = json_patch(json!([
        {"op": "test", "path": "/spec/taints", "value": []},
        {"op": "remove", "path": "/spec/taints/0"},
    ]));
    assert_eq!(code(nodes.patch("a", &params, &wrong).await), 422);
    let right = json_patch(json!([
        {"op": "test", "path": "/spec/taints", "value": now},
        {"op": "replace", "path": "/spec/taints", "value": []},
    ]));
    let node = nodes.patch("a", &params, &right).await.unwrap();
    // An empty list is not written: the next patch finds no such path.
    assert_eq!(node.spec.unwrap().taints, None);
    let again = json_patch(json!([{"op": "remove", "path": "/spec/taints"}]));
    assert_eq!(code(nodes.patch("a", &params, &again).await), 422);
}

#[tokio::test]
async fn a_patch_with_an_old_revision_is_a_conflict() {
    let (_server, nodes) = with_node().await;
    let old = nodes.get("a").await.unwrap().metadata.resource_version;
    let params = PatchParams::default();
    let one = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &params, &one).await.unwrap();
    let two = Patch::Merge(json!({"metadata": {"labels": {"x": "2"}, "resourceVersion": old}}));
    assert_eq!(code(nodes.patch("a", &params, &two).await), 409);
    let test = json!([{"op": "test", "path": "/metadata/resourceVersion", "value": old}]);
    assert_eq!(code(nodes.patch("a", &params, &json_patch(test)).await), 422);
}

#[tokio::test]
async fn strategic_merge_replaces_taints_and_merges_conditions() {
    let (_server, nodes) = with_node().await;
    let params = PatchParams::default();
    let patch = json!({"spec": {"taints": [{"key": "t/x", "effect": "NoExecute"}]}});
    let node = nodes.patch("a", &params, &Patch::Strategic(patch)).await.unwrap();
    assert_eq!(taints(&node), ["t/x:NoExecute"]);
}

#[tokio::test]
async fn what_is_not_valid_is_refused() {
    let (server, nodes) = with_node().await;
    let params = PatchParams::default();
    for labels in [json!({"x": "a+b"}), json!({"x": "a".repeat(64)}), json!({"/x": "a"})] {
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        assert_eq!(code(nodes.patch("a", &params, &patch).await), 422, "{patch:?}");
    }
    let taint = json!({"spec": {"taints": [{"key": "x", "effect": "Never"}]}});
    assert_eq!(code(nodes.patch("a", &params, &Patch::Merge(taint)).await), 422);
    let again: Node = serde_json::from_value(node("a")).unwrap();
    assert_eq!(code(nodes.create(&PostParams::default(), &again).await), 409);
    assert_eq!(code(nodes.get("none").await), 404);
    let pods: Api<Pod> = Api::namespaced(server.admin(), "no-such-namespace");
    let lost: Pod = serde_json::from_value(json!({"metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}))
    .unwrap();
    assert_eq!(code(pods.create(&PostParams::default(), &lost).await), 404);
}

#[tokio::test]
async fn a_lease_is_replaced_only_at_the_revision_that_was_read() {
    let server = ApiServer::start().await;
    let leases: Api<Lease> = Api::namespaced(server.admin(), "default");
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "l", "namespace": "default"}, "spec": {"holderIdentity": "one"}});
    server.create(&lease).await;
    let mut mine = leases.get("l").await.unwrap();
    let mut theirs = mine.clone();
    theirs.spec.as_mut().unwrap().holder_identity = Some("two".into());
    leases.replace("l", &PostParams::default(), &theirs).await.unwrap();
    mine.spec.as_mut().unwrap().holder_identity = Some("three".into());
    assert_eq!(code(leases.replace("l", &PostParams::default(), &mine).await), 409);
    mine.metadata.resource_version = None;
    assert_eq!(code(leases.replace("l", &PostParams::default(), &mine).await), 422);
}

#[tokio::test]
async fn an_event_is_written_by_the_new_group_and_read_by_the_old_one() {
    let (server, nodes) = with_node().await;
    let uid = nodes.get("a").await.unwrap().metadata.uid;
    let about = ObjectReference {
        kind: Some("Node".into()),
        name: Some("a".into()),
        uid: uid.clone(),
        ..ObjectReference::default()
    };
    let reporter = Reporter { controller: "bpfready-agent".into(), instance: Some("a".into()) };
    let recorder = Recorder::new(server.admin(), reporter);
    let event = NewEvent {
        type_: EventType::Warning,
        reason: "EbpfNotReady".into(),
        note: Some("no BTF".into()),
        action: "Judge".into(),
        secondary: None,
    };
    recorder.publish(&event, &about).await.unwrap();
    recorder.publish(&event, &about).await.unwrap();
    let events: Api<Event> = Api::namespaced(server.admin(), "default");
    let fields = "involvedObject.name=a,reason=EbpfNotReady";
    let found = events.list(&ListParams::default().fields(fields)).await.unwrap();
    let [event] = found.items.as_slice() else { panic!("{found:?}") };
    assert_eq!(event.message.as_deref(), Some("no BTF"));
    assert_eq!(event.series.as_ref().and_then(|it| it.count), Some(2));
    assert_eq!(event.involved_object.uid, uid);
}

#[tokio::test]
async fn a_pod_on_a_node_gets_time_and_finalizers_hold_an_object() {
    let (server, nodes) = with_node().await;
    server.create(&pod("p", "a")).await;
    let pods: Api<Pod> = Api::namespaced(server.admin(), "default");
    pods.delete("p", &DeleteParams::default()).await.unwrap();
    let leaving = pods.get("p").await.unwrap();
    assert!(leaving.metadata.deletion_timestamp.is_some());
    pods.delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert_eq!(code(pods.get("p").await), 404);
    let held = Patch::Merge(json!({"metadata": {"finalizers": ["bpfready.io/test"]}}));
    nodes.patch("a", &PatchParams::default(), &held).await.unwrap();
    nodes.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(nodes.get("a").await.unwrap().metadata.deletion_timestamp.is_some());
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    nodes.patch("a", &PatchParams::default(), &free).await.unwrap();
    assert_eq!(code(nodes.get("a").await), 404);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (_server, nodes) = with_node().await;
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let node = nodes.patch("a", &params, &patch).await.unwrap();
    assert_eq!(label(&node, "x"), Some("1"));
    assert_eq!(label(&nodes.get("a").await.unwrap(), "x"), None);
}
