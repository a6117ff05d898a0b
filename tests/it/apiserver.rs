//! The semantics of the API server that everything else is tested on: each claim here holds on the
//! real `kube-apiserver` too, when `KUBEBUILDER_ASSETS` names a folder with one.

use std::time::Duration;

use bpfready_tests::apiserver::{ApiServer, Fault, Match};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, ObjectReference, Pod};
use kube::api::{
    Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::discovery::Discovery;
use kube::runtime::events::{Event as NewEvent, EventType, Recorder, Reporter};
use serde_json::{Value, json};

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name,
        "labels": {"kubernetes.io/hostname": name}}})
}

fn pod(name: &str, node: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default",
        "labels": {"app": name}},
        "spec": {"nodeName": node, "serviceAccountName": "agent", "containers": [{"name": "c", "image": "i"}]}})
}

async fn with_node() -> (ApiServer, Api<Node>) {
    let server = ApiServer::start().await;
    server.create(&node("a")).await;
    let nodes = Api::all(server.admin());
    (server, nodes)
}

fn config(body: &Value) -> Value {
    let mut config = json!({"apiVersion": "v1", "kind": "Node"});
    let all = config.as_object_mut().unwrap();
    all.extend(body.as_object().unwrap().clone());
    config
}

async fn apply(nodes: &Api<Node>, manager: &str, body: Value) -> kube::Result<Node> {
    nodes.patch("a", &PatchParams::apply(manager), &Patch::Apply(config(&body))).await
}

#[track_caller]
fn code(result: kube::Result<impl std::fmt::Debug>) -> u16 {
    match result.expect_err("the server refuses it") {
        kube::Error::Api(status) => status.code,
        other => panic!("no refusal but {other}"),
    }
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// One text request; the body also of a refusal.
async fn get(server: &ApiServer, path: &str, accept: &str) -> Value {
    let request = http::Request::get(path).header("accept", accept).body(Vec::new()).unwrap();
    serde_json::from_str(&server.admin().request_text(request).await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_change_has_a_higher_revision_and_a_watch_sees_them_in_order() {
    let (_server, nodes) = with_node().await;
    let list = nodes.list(&ListParams::default()).await.unwrap();
    let from = list.metadata.resource_version.unwrap();
    let one = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &one).await.unwrap();
    nodes.delete("a", &DeleteParams::default()).await.unwrap();
    let fields = WatchParams::default().fields("metadata.name=a");
    let events = nodes.watch(&fields, &from).await.unwrap();
    let events: Vec<_> = events.take(2).try_collect().await.unwrap();
    let [WatchEvent::Modified(changed), WatchEvent::Deleted(gone)] = events.as_slice() else {
        panic!("{events:?}");
    };
    let revision =
        |it: &Node| it.metadata.resource_version.clone().unwrap().parse::<u64>().unwrap();
    assert!(from.parse::<u64>().unwrap() < revision(changed));
    assert!(revision(changed) < revision(gone));
    assert_eq!(label(gone, "x"), Some("1"));
}

#[tokio::test]
async fn a_list_in_pages_shows_what_was_there_at_its_first_page() {
    let server = ApiServer::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.create(&node(name)).await;
    }
    let nodes: Api<Node> = Api::all(server.admin());
    let first = nodes.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    nodes.delete("c", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.clone().unwrap();
    let next = ListParams::default().limit(2).continue_token(&token);
    let second = nodes.list(&next).await.unwrap();
    let names: Vec<_> = second.items.iter().filter_map(|it| it.metadata.name.clone()).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(first.metadata.resource_version, second.metadata.resource_version);
}

#[tokio::test]
async fn selectors_choose_and_a_watch_is_told_what_leaves_the_choice() {
    let (server, nodes) = with_node().await;
    server.create(&node("b")).await;
    server.create(&pod("p", "a")).await;
    server.create(&pod("q", "b")).await;
    let pods: Api<Pod> = Api::all(server.admin());
    let on_a = pods.list(&ListParams::default().fields("spec.nodeName=a")).await.unwrap();
    assert_eq!(on_a.items.len(), 1);
    assert_eq!(code(pods.list(&ListParams::default().fields("spec.x=a")).await), 400);
    let labels = ListParams::default().labels("app in (p, q),app!=q");
    assert_eq!(pods.list(&labels).await.unwrap().items.len(), 1);
    let revision = on_a.metadata.resource_version.unwrap();
    let chosen = WatchParams::default().labels("kubernetes.io/hostname=a");
    let patch = Patch::Merge(json!({"metadata": {"labels": {"kubernetes.io/hostname": "z"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let mut events = nodes.watch(&chosen, &revision).await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    let WatchEvent::Deleted(before) = event else { panic!("{event:?}") };
    assert_eq!(label(&before, "kubernetes.io/hostname"), Some("a"));
}

#[tokio::test]
async fn metadata_alone_can_be_read_listed_and_watched() {
    let (server, nodes) = with_node().await;
    let one = nodes.get_metadata("a").await.unwrap();
    assert_eq!(one.types.unwrap().kind, "PartialObjectMetadata");
    let list = nodes.list_metadata(&ListParams::default()).await.unwrap();
    let revision = list.metadata.resource_version.unwrap();
    assert_eq!(list.items.len(), 1);
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let mut watch = nodes.watch_metadata(&WatchParams::default(), &revision).await.unwrap().boxed();
    let event = watch.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Modified(_)), "{event:?}");
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let one = get(&server, "/api/v1/nodes/a", accept).await;
    assert_eq!(one.get("spec"), None);
}

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

const ROLE: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: conformance}
rules:
- {apiGroups: [""], resources: [nodes], verbs: [get]}
- {apiGroups: [""], resources: [nodes/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: conformance}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: conformance}
subjects: [{kind: ServiceAccount, name: agent, namespace: default}]
"#;

#[tokio::test]
async fn roles_give_exactly_what_they_say() {
    let (server, _) = with_node().await;
    server.install(ROLE).await;
    server.create(&pod("p", "a")).await;
    let token = server.token("default", "agent", Some("p")).await;
    let nodes: Api<Node> = Api::all(server.client(&token));
    // The real server's authorizer learns of a new role by a watch.
    until(async || nodes.get("a").await.is_ok()).await;
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    let error = nodes.patch("a", &PatchParams::default(), &patch).await.expect_err("no right");
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(status.code, 403);
    let want = "nodes \"a\" is forbidden: User \"system:serviceaccount:default:agent\" cannot \
                patch resource \"nodes\" in API group \"\" at the cluster scope";
    assert_eq!(status.message, want);
    nodes.patch_status("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(code(nodes.list(&ListParams::default()).await), 403);
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come true in five seconds");
}

#[tokio::test]
async fn a_token_tells_the_node_of_its_pod_and_dies_with_it() {
    let (server, _) = with_node().await;
    server.install(ROLE).await;
    server.create(&pod("p", "a")).await;
    let token = server.token("default", "agent", Some("p")).await;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": token}});
    let ask = async || server.create(&review).await["status"].clone();
    let status = ask().await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["user"]["username"], "system:serviceaccount:default:agent");
    let node = &status["user"]["extra"]["authentication.kubernetes.io/node-name"];
    assert_eq!(*node, json!(["a"]));
    let pods: Api<Pod> = Api::namespaced(server.admin(), "default");
    pods.delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    // The real server remembers a good token for some seconds.
    if !server.is_real() {
        assert_eq!(ask().await.get("authenticated"), None);
    }
    let stranger: Api<Node> = Api::all(server.client("no-such-token"));
    assert_eq!(code(stranger.get("a").await), 401);
}

#[tokio::test]
async fn an_access_review_answers_as_the_authorizer_does() {
    let (server, _) = with_node().await;
    server.install(ROLE).await;
    let ask = async |subresource: &str, verb: &str| {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": "system:serviceaccount:default:agent", "resourceAttributes":
                {"verb": verb, "resource": "nodes", "subresource": subresource, "name": "a"}}});
        server.create(&review).await["status"]["allowed"] == true
    };
    until(async || ask("", "get").await).await;
    assert!(ask("status", "patch").await);
    assert!(!ask("", "patch").await);
}

#[tokio::test]
async fn discovery_lists_what_is_served_and_a_definition_adds_to_it() {
    let server = ApiServer::start().await;
    let group = "conformance.bpfready.io";
    let definition = ApiServer::definition(group, "Probe", "probes", "Cluster", &["v1", "v1beta1"]);
    server.create(&definition).await;
    until(async || {
        let found = Discovery::new(server.admin()).run().await.unwrap();
        found.has_group(group)
    })
    .await;
    let found = Discovery::new(server.admin()).run_aggregated().await.unwrap();
    let probes = found.get(group).unwrap();
    assert_eq!(probes.preferred_version(), Some("v1"));
    let (kind, capabilities) = probes.recommended_kind("Probe").unwrap();
    assert_eq!(
        (kind.plural.as_str(), kind.api_version.as_str()),
        ("probes", "conformance.bpfready.io/v1")
    );
    assert_eq!(capabilities.scope, kube::discovery::Scope::Cluster);
    let core = found.get("").unwrap();
    assert!(core.recommended_kind("Node").is_some());
    let object = json!({"apiVersion": format!("{group}/v1"), "kind": "Probe",
        "metadata": {"name": "x"}, "spec": {"a": 1}, "status": {"b": 2}});
    let created = server.create(&object).await;
    assert_eq!(created["status"]["b"], 2);
    let list = get(&server, &format!("/apis/{group}/v1/probes"), "application/json").await;
    assert_eq!(list["items"][0]["kind"], "Probe");
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

/// The real server promises no bookmark; when it sends one, the agent must take it.
#[tokio::test]
async fn a_watch_ends_at_its_time_with_a_bookmark_before_it() {
    let server = ApiServer::in_process().await;
    server.seed([node("a")]);
    let nodes: Api<Node> = Api::all(server.admin());
    let revision = nodes.list(&ListParams::default()).await.unwrap().metadata.resource_version;
    let params = WatchParams::default().timeout(3);
    let events = nodes.watch(&params, &revision.unwrap()).await.unwrap();
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Bookmark(_)]), "{events:?}");
}

/// Only the in-process server forgets on demand.
#[tokio::test]
async fn a_watch_from_a_forgotten_revision_is_told_so() {
    let server = ApiServer::in_process().await;
    let nodes: Api<Node> = Api::all(server.admin());
    server.seed([node("a")]);
    server.compact();
    let mut events = nodes.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    let WatchEvent::Error(status) = event else { panic!("{event:?}") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_streamed_list_ends_with_a_marked_bookmark() {
    let (_server, nodes) = with_node().await;
    let params = WatchParams::default().initial_events();
    let mut events = nodes.watch(&params, "0").await.unwrap().boxed();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(_)), "{first:?}");
    let second = events.next().await.unwrap().unwrap();
    let WatchEvent::Bookmark(mark) = second else { panic!("{second:?}") };
    let annotations = mark.metadata.annotations;
    assert_eq!(annotations.get("k8s.io/initial-events-end").map(String::as_str), Some("true"));
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

#[tokio::test]
async fn faults_happen_as_often_as_they_were_injected() {
    let (server, nodes) = with_node().await;
    let which = || Match::verb("get", "nodes");
    let faults = server.faults();
    faults.inject(which(), Fault::TooManyRequests { retry_after: 1 }, 1);
    assert_eq!(code(nodes.get("a").await), 429);
    faults.inject(which(), Fault::Status(503), 2);
    assert_eq!(code(nodes.get("a").await), 503);
    assert_eq!(code(nodes.get("a").await), 503);
    faults.inject(which(), Fault::Unauthorized, 1);
    assert_eq!(code(nodes.get("a").await), 401);
    faults.inject(which(), Fault::Reset, 1);
    let error = nodes.get("a").await.expect_err("the connection was cut");
    assert!(!matches!(error, kube::Error::Api(_)), "{error}");
    nodes.get("a").await.unwrap();
    assert_eq!(faults.left(), 0);
    faults.inject(Match::verb("patch", "nodes"), Fault::ResetAfter, 1);
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.expect_err("no answer came");
    assert_eq!(label(&nodes.get("a").await.unwrap(), "x"), Some("1"), "it was carried out");
    faults.inject(Match::verb("watch", "nodes"), Fault::Gone, 1);
    let mut events = nodes.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Error(ref it) if it.code == 410), "{event:?}");
    assert_eq!(server.log().counts().get(&("get", "nodes".into(), String::new(), 503)), Some(&2));
}

#[tokio::test]
async fn a_hook_writes_before_the_request_that_it_waits_for() {
    let (server, nodes) = with_node().await;
    let other = nodes.clone();
    server.before(Match::verb("patch", "nodes"), move || async move {
        let meta = ObjectMeta { name: Some("between".into()), ..ObjectMeta::default() };
        let node = Node { metadata: meta, ..Node::default() };
        other.create(&PostParams::default(), &node).await.unwrap();
    });
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    nodes.delete("between", &DeleteParams::default()).await.unwrap();
}

/// Only the in-process server forgets on demand.
#[tokio::test]
async fn a_list_that_was_compacted_away_is_gone() {
    let server = ApiServer::in_process().await;
    server.seed([node("a"), node("b")]);
    let nodes: Api<Node> = Api::all(server.admin());
    let first = nodes.list(&ListParams::default().limit(1)).await.unwrap();
    server.compact();
    let token = first.metadata.continue_.unwrap();
    let next = ListParams::default().limit(1).continue_token(&token);
    assert_eq!(code(nodes.list(&next).await), 410);
}
