//! Server-side apply: who owns which field.

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use super::{apply, code, config, label, with_node};

#[tokio::test]
async fn an_applied_label_disappears_when_it_is_no_longer_applied_and_others_stay() {
    let (_server, nodes) = with_node().await;
    let both = json!({"metadata": {"labels": {"t/a": "1", "t/b": "2"}}});
    apply(&nodes, "ours", both).await.unwrap();
    let one = json!({"metadata": {"labels": {"t/a": "1"}}});
    let now = apply(&nodes, "ours", one).await.unwrap();
    assert_eq!(label(&now, "t/a"), Some("1"));
    assert_eq!(label(&now, "t/b"), None);
    assert_eq!(label(&now, "kubernetes.io/hostname"), Some("a"));
    let none = apply(&nodes, "ours", json!({"metadata": {}})).await.unwrap();
    assert_eq!(label(&none, "t/a"), None);
    assert_eq!(label(&none, "kubernetes.io/hostname"), Some("a"));
}

#[tokio::test]
async fn a_label_of_two_owners_stays_until_both_let_it_go() {
    let (_server, nodes) = with_node().await;
    let body = || json!({"metadata": {"labels": {"t/a": "1"}}});
    apply(&nodes, "ours", body()).await.unwrap();
    apply(&nodes, "theirs", body()).await.unwrap();
    let one = apply(&nodes, "ours", json!({"metadata": {}})).await.unwrap();
    assert_eq!(label(&one, "t/a"), Some("1"));
    let none = apply(&nodes, "theirs", json!({"metadata": {}})).await.unwrap();
    assert_eq!(label(&none, "t/a"), None);
}

#[tokio::test]
async fn another_value_for_somebody_elses_field_is_a_conflict_that_names_it() {
    let (_server, nodes) = with_node().await;
    apply(&nodes, "theirs", json!({"metadata": {"labels": {"t/a": "1"}}})).await.unwrap();
    let mine = json!({"metadata": {"labels": {"t/a": "2"}}});
    let error = apply(&nodes, "ours", mine.clone()).await.expect_err("it is theirs");
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    let want = "Apply failed with 1 conflict: conflict with \"theirs\": .metadata.labels.t/a";
    assert_eq!(status.message, want);
    let forced = PatchParams::apply("ours").force();
    let now = nodes.patch("a", &forced, &Patch::Apply(config(&mine))).await.unwrap();
    assert_eq!(label(&now, "t/a"), Some("2"));
    // It is ours now: their empty configuration takes nothing away.
    let now = apply(&nodes, "theirs", json!({"metadata": {}})).await.unwrap();
    assert_eq!(label(&now, "t/a"), Some("2"));
}

#[tokio::test]
async fn what_an_update_wrote_conflicts_too_and_is_named_with_its_version() {
    let (_server, nodes) = with_node().await;
    let params = PatchParams { field_manager: Some("kubectl".into()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"metadata": {"labels": {"t/a": "1"}}}));
    nodes.patch("a", &params, &patch).await.unwrap();
    let mine = json!({"metadata": {"labels": {"t/a": "2"}}});
    let error = apply(&nodes, "ours", mine).await.expect_err("it is theirs");
    let kube::Error::Api(status) = error else { panic!("{error}") };
    let want =
        "Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .metadata.labels.t/a";
    assert_eq!(status.message, want);
}

#[tokio::test]
async fn managed_fields_are_written_as_kubernetes_writes_them() {
    let (_server, nodes) = with_node().await;
    let body = json!({"metadata": {"labels": {"t/a": "1"}}});
    apply(&nodes, "ours", body).await.unwrap();
    let status = json!({"status": {"conditions": [{"type": "t/Ready", "status": "True"}]}});
    let params = PatchParams::apply("ours");
    let node = nodes.patch_status("a", &params, &Patch::Apply(config(&status))).await.unwrap();
    let entries = node.metadata.managed_fields.unwrap();
    let ours: Vec<_> = entries.iter().filter(|it| it.manager.as_deref() == Some("ours")).collect();
    assert_eq!(ours.len(), 2, "{ours:?}");
    let fields = |subresource: Option<&str>| {
        let found = ours.iter().find(|it| it.subresource.as_deref() == subresource).unwrap();
        assert_eq!(found.operation.as_deref(), Some("Apply"));
        found.fields_v1.clone().unwrap().0
    };
    assert_eq!(fields(None), json!({"f:metadata": {"f:labels": {"f:t/a": {}}}}));
    let condition = json!({".": {}, "f:status": {}, "f:type": {}});
    let want = json!({"f:status": {"f:conditions": {"k:{\"type\":\"t/Ready\"}": condition}}});
    assert_eq!(fields(Some("status")), want);
}

#[tokio::test]
async fn conditions_are_owned_by_type_and_live_in_the_status_subresource() {
    let (_server, nodes) = with_node().await;
    let kubelet = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let params = PatchParams::default();
    nodes.patch_status("a", &params, &Patch::Strategic(kubelet)).await.unwrap();
    let ours = config(&json!({"status": {"conditions": [{"type": "t/X", "status": "False"}]}}));
    let params = PatchParams::apply("ours");
    let node = nodes.patch_status("a", &params, &Patch::Apply(ours.clone())).await.unwrap();
    let types = |node: Node| -> Vec<String> {
        let conditions = node.status.and_then(|it| it.conditions).unwrap_or_default();
        conditions.into_iter().map(|it| it.type_).collect()
    };
    assert_eq!(types(node), ["Ready", "t/X"]);
    // To the object itself the status is somebody else's.
    let patch = Patch::Merge(json!({"status": {"conditions": []}}));
    let node = nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(types(node), ["Ready", "t/X"]);
    let none = config(&json!({"status": {}}));
    let node = nodes.patch_status("a", &params, &Patch::Apply(none)).await.unwrap();
    assert_eq!(types(node), ["Ready"]);
}

#[tokio::test]
async fn the_status_subresource_changes_no_specification() {
    let (_server, nodes) = with_node().await;
    let patch = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    let node = nodes.patch_status("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(node.spec.and_then(|it| it.unschedulable), None);
}

#[tokio::test]
async fn an_apply_that_changes_nothing_writes_nothing() {
    let (_server, nodes) = with_node().await;
    let body = || json!({"metadata": {"labels": {"t/a": "1"}}});
    let one = apply(&nodes, "ours", body()).await.unwrap();
    let two = apply(&nodes, "ours", body()).await.unwrap();
    assert_eq!(one.metadata.resource_version, two.metadata.resource_version);
}

#[tokio::test]
async fn to_apply_what_does_not_exist_creates_it() {
    let server = ApiServer::start().await;
    let nodes: Api<Node> = Api::all(server.admin());
    let node = apply(&nodes, "ours", json!({"metadata": {"name": "a"}})).await.unwrap();
    assert!(node.metadata.uid.is_some());
    nodes.delete("a", &DeleteParams::default()).await.unwrap();
    let status = config(&json!({"metadata": {"name": "a"}, "status": {}}));
    let applied = nodes.patch_status("a", &PatchParams::apply("ours"), &Patch::Apply(status)).await;
    assert_eq!(code(applied), 404);
}

/// How the agent and the controller mean a Node that is there, and no other one.
#[tokio::test]
async fn to_apply_with_a_uid_makes_nothing_and_changes_no_other_object() {
    let (_server, nodes) = with_node().await;
    let uid = nodes.get("a").await.unwrap().metadata.uid.unwrap();
    let params = PatchParams::apply("agent");
    let labels = |name: &str, uid: &str| {
        let metadata = json!({"name": name, "uid": uid, "labels": {"example.io/x": "1"}});
        Patch::Apply(config(&json!({"metadata": metadata})))
    };
    let node = nodes.patch("a", &params, &labels("a", &uid)).await.unwrap();
    assert_eq!(label(&node, "example.io/x"), Some("1"));
    let other = "01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(code(nodes.patch("a", &params, &labels("a", other)).await), 422);
    assert_eq!(code(nodes.patch("gone", &params, &labels("gone", &uid)).await), 409);
    let condition = json!({"type": "example.io/Ready", "status": "True",
        "lastHeartbeatTime": "2026-11-23T05:00:00Z", "lastTransitionTime": "2026-11-23T05:00:00Z",
        "reason": "Ok", "message": "Ok."});
    let status = |uid: &str| {
        let body =
            json!({"metadata": {"name": "a", "uid": uid}, "status": {"conditions": [condition]}});
        Patch::Apply(config(&body))
    };
    assert_eq!(code(nodes.patch_status("a", &params, &status(other)).await), 422);
    nodes.patch_status("a", &params, &status(&uid)).await.unwrap();
    let empty = json!({"metadata": {"name": "a", "uid": uid}, "status": {"conditions": []}});
    let node = nodes.patch_status("a", &params, &Patch::Apply(config(&empty))).await.unwrap();
    let left = node.status.unwrap().conditions.unwrap_or_default();
    assert!(left.iter().all(|it| it.type_ != "example.io/Ready"), "{left:?}");
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 1);
}
