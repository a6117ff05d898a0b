//! Roles, tokens, reviews and what is served at all.

use std::time::Duration;

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::discovery::Discovery;
use serde_json::json;

use super::{code, get, pod, with_node};

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
