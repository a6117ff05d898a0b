//! The manifests on an API server: they install, and what the policies refuse is refused. The
//! in-process server evaluates no policy, so the second half needs `KUBEBUILDER_ASSETS`.

use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::documents::kustomized;
use crate::hosts;
use crate::monitoring::{Running, host};
use crate::run::command;

/// What Kubernetes puts on every new Node.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The default overlay, a node with an agent's pod, a Fargate node, and a pod of each kind.
async fn installed() -> ApiServer {
    let server = ApiServer::start().await;
    for document in kustomized("overlays/least-privilege") {
        server.create(&document).await;
    }
    let taint = json!({"key": "bpfready.io/not-ready", "effect": "NoSchedule"});
    for (name, labels) in [
        ("node-a", json!({"bpfready.io/expect-datapath": "cilium"})),
        ("node-b", json!({})),
        ("fargate-a", json!({"eks.amazonaws.com/compute-type": "fargate"})),
    ] {
        let metadata = json!({"name": name, "labels": labels});
        server.create(&json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": [taint]}})).await;
    }
    let profile = json!({"eks.amazonaws.com/fargate-profile": "p", "app": "web"});
    for (namespace, name, node, labels) in [
        ("bpfready", "agent-a", "node-a", json!({})),
        ("bpfready", "agent-b", "node-b", json!({})),
        ("default", "web", "fargate-a", profile),
        ("default", "ec2", "node-b", json!({"app": "web"})),
    ] {
        let account = if namespace == "bpfready" { "bpfready-agent" } else { "default" };
        let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
        let containers = json!([{"name": "c", "image": "i:1"}]);
        let spec =
            json!({"nodeName": node, "serviceAccountName": account, "containers": containers});
        server
            .create(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
            .await;
    }
    server
}

fn code<T>(result: kube::Result<T>) -> u16 {
    match result {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(other) => panic!("no answer but {other}"),
    }
}

/// One who writes.
struct Writer(kube::Client);

impl Writer {
    async fn node(&self, name: &str, body: Value) -> u16 {
        let nodes: Api<Node> = Api::all(self.0.clone());
        code(nodes.patch(name, &PatchParams::default(), &Patch::Merge(body)).await)
    }

    async fn node_status(&self, name: &str, body: Value) -> u16 {
        let nodes: Api<Node> = Api::all(self.0.clone());
        code(nodes.patch_status(name, &PatchParams::default(), &Patch::Strategic(body)).await)
    }

    async fn pod(&self, name: &str, body: Value) -> u16 {
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), "default");
        code(pods.patch(name, &PatchParams::default(), &Patch::Strategic(body)).await)
    }
}

fn labels(labels: &Value) -> Value {
    json!({"metadata": {"labels": labels}})
}

fn condition(name: &str) -> Value {
    json!({"status": {"conditions": [{"type": name, "status": "True", "reason": "X", "message": "x"}]}})
}

/// One test: a real server has no controller that would take the namespace away for a second one.
#[tokio::test]
async fn the_manifests_install_and_give_what_they_name_and_no_more() {
    let server = installed().await;
    gives_what_it_names(&server).await;
    agent_does_its_work(&server).await;
    controller_does_its_work(&server).await;
    if server.is_real() {
        refuses_everything_else(&server).await;
        controller_is_held(&server).await;
    }
}

async fn gives_what_it_names(server: &ApiServer) {
    let agent =
        Writer(server.client(&server.token("bpfready", "bpfready-agent", Some("agent-a")).await));
    assert_eq!(agent.node("node-a", labels(&json!({"bpfready.io/ebpf": "full"}))).await, 200);
    assert_eq!(agent.node_status("node-a", condition("bpfready.io/EbpfReady")).await, 200);
    assert_eq!(agent.pod("web", labels(&json!({"x": "y"}))).await, 403);
    let controller =
        Writer(server.client(&server.token("bpfready", "bpfready-controller", None).await));
    let annotation = json!({"metadata": {"annotations": {"bpfready.io/ebpf": "none"}}});
    assert_eq!(controller.pod("web", annotation).await, 200);
    assert_eq!(
        controller.node("fargate-a", labels(&json!({"bpfready.io/ebpf": "none"}))).await,
        200
    );
    assert_eq!(controller.node_status("fargate-a", condition("bpfready.io/EbpfReady")).await, 200);
}

async fn refuses_everything_else(server: &ApiServer) {
    let agent =
        Writer(server.client(&server.token("bpfready", "bpfready-agent", Some("agent-a")).await));
    let ours = labels(&json!({"bpfready.io/ebpf": "full"}));
    // A policy takes a moment to reach the server that made it.
    for _ in 0..100 {
        if agent.node("node-b", ours.clone()).await == 403 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (node, body) in [
        ("node-b", ours.clone()),
        ("node-a", labels(&json!({"team": "x"}))),
        ("node-a", labels(&json!({"bpfready.io/expect-datapath": "calico"}))),
        ("node-a", labels(&json!({"bpfready.io/expect-datapath": null}))),
        ("node-a", json!({"spec": {"unschedulable": true}})),
        ("node-a", json!({"spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}})),
        ("node-a", json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}})),
    ] {
        assert_eq!(agent.node(node, body.clone()).await, 403, "{node}: {body}");
    }
    for body in [
        condition("KernelReady"),
        condition("Ready"),
        json!({"status": {"capacity": {"cpu": "400"}}}),
        labels(&json!({"team": "x"})),
    ] {
        assert_eq!(agent.node_status("node-a", body.clone()).await, 403, "{body}");
    }
    let unbound = Writer(server.client(&server.token("bpfready", "bpfready-agent", None).await));
    assert_eq!(unbound.node("node-a", ours.clone()).await, 403, "a token of no node");
    let all = json!({"spec": {"taints": null}});
    assert_eq!(agent.node("node-a", all).await, 403, "the taint of Kubernetes itself stays");
    let ours_gone = json!({"spec": {"taints": [{"key": NOT_READY, "effect": "NoSchedule"}]}});
    assert_eq!(agent.node("node-a", ours_gone).await, 200, "its own taint goes");
}

/// The controller as its pod runs it.
async fn controller_does_its_work(server: &ApiServer) {
    let token = server.token("bpfready", "bpfready-controller", None).await;
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig(&token)).unwrap();
    let address = format!("{}:19772", host(9));
    let mut controller = command(&["controller", "--listen", &address, "--pod-name", "one"]);
    controller.args(["--lease-seconds", "3", "--reports", "0", "--kubeconfig"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let _controller = Running::start(controller.arg(kubeconfig.path()), log.path());
    let nodes: Api<Node> = Api::all(server.admin());
    let pods: Api<Pod> = Api::namespaced(server.admin(), "default");
    let began = Instant::now();
    loop {
        let node = serde_json::to_value(nodes.get("fargate-a").await.unwrap()).unwrap();
        let pod = serde_json::to_value(pods.get("web").await.unwrap()).unwrap();
        let annotation = &pod["metadata"]["annotations"]["bpfready.io/ebpf"];
        // Only the controller itself says this much of a Fargate Node.
        if node["metadata"]["labels"]["bpfready.io/compute"] == "fargate" && annotation == "none" {
            return;
        }
        let said = std::fs::read_to_string(log.path()).unwrap();
        assert!(began.elapsed() < Duration::from_secs(40), "{node:#}: {pod:#}: {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The agent as its pod runs it: with its token, it gets done what it is for.
async fn agent_does_its_work(server: &ApiServer) {
    let token = server.token("bpfready", "bpfready-agent", Some("agent-b")).await;
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig(&token)).unwrap();
    let recording = hosts::case("linux-6.18-root");
    let address = format!("{}:19771", host(9));
    let mut agent = command(&["agent", "--recording", &recording, "--node-name", "node-b"]);
    agent.args(["--gate", "ebpf", "--spread", "100ms", "--listen", &address, "--kubeconfig"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let _agent = Running::start(agent.arg(kubeconfig.path()), log.path());
    let nodes: Api<Node> = Api::all(server.admin());
    let began = Instant::now();
    loop {
        let node = serde_json::to_value(nodes.get("node-b").await.unwrap()).unwrap();
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let is_open = taints.iter().all(|it| it["key"] != "bpfready.io/not-ready");
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_told = conditions.iter().any(|it| it["type"] == "bpfready.io/EbpfReady");
        if is_open && is_told && node["metadata"]["labels"]["bpfready.io/ebpf"] == "partial" {
            return;
        }
        let said = std::fs::read_to_string(log.path()).unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "{node:#}: {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn controller_is_held(server: &ApiServer) {
    let token = server.token("bpfready", "bpfready-controller", None).await;
    let controller = Writer(server.client(&token));
    let annotation = json!({"metadata": {"annotations": {"bpfready.io/ebpf": "none"}}});
    assert_eq!(controller.pod("web", annotation.clone()).await, 200);
    for (pod, body) in [
        ("ec2", annotation),
        ("web", labels(&json!({"app": "other"}))),
        ("web", json!({"metadata": {"annotations": {"other": "x"}}})),
        ("web", json!({"spec": {"containers": [{"name": "c", "image": "evil:1"}]}})),
    ] {
        assert_eq!(controller.pod(pod, body.clone()).await, 403, "{pod}: {body}");
    }
    let ours = labels(&json!({"bpfready.io/ebpf": "none"}));
    assert_eq!(controller.node("node-b", ours.clone()).await, 403);
    assert_eq!(controller.node("fargate-a", ours).await, 200);
    assert_eq!(controller.node("fargate-a", json!({"spec": {"taints": null}})).await, 403);
    assert_eq!(
        controller.node_status("fargate-a", condition("bpfready.io/CiliumReady")).await,
        403
    );
    assert_eq!(controller.node_status("fargate-a", condition("bpfready.io/EbpfReady")).await, 200);
}
