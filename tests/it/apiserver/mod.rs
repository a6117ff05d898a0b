//! The semantics of the API server that everything else is tested on: each claim here holds on the
//! real `kube-apiserver` too, when `KUBEBUILDER_ASSETS` names a folder with one.

mod access;
mod apply;
mod faults;
mod watch;
mod write;

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, Patch, PatchParams};
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
