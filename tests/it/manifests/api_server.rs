//! The manifests on an API server: they install, agent and controller get done what they are for,
//! and what the policies refuse is refused. The in-process server evaluates no policy, so that half
//! needs `KUBEBUILDER_ASSETS`.

use std::time::Duration;

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use super::documents::kustomized;
use super::kubectl::{Kubectl, define_kinds_of_others};
use super::processes::{self, pod_of, says, was_refused};

/// What Kubernetes puts on every new Node.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The default with one right more, so that every policy is there.
pub(super) const OVERLAY: &str = "nodepool-labels";

/// The overlay; two nodes with an agent's pod, a Fargate node and a NodePool; and a pod of each kind.
pub(super) async fn installed(documents: &[Value]) -> ApiServer {
    let server = ApiServer::start().await;
    define_kinds_of_others(&server).await;
    match Kubectl::new(&server) {
        Some(kubectl) => {
            documents.iter().for_each(|it| server.adopt(it));
            kubectl.apply_overlay(OVERLAY);
        }
        None => {
            for document in documents {
                server.create(document).await;
            }
        }
    }
    for object in nodes().into_iter().chain(pods(documents)) {
        server.create(&object).await;
    }
    server
}

fn nodes() -> Vec<Value> {
    let node = |name: &str, labels: Value| {
        let taint = json!({"key": "bpfready.io/not-ready", "effect": "NoSchedule"});
        let metadata = json!({"name": name, "labels": labels});
        json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": [taint]}})
    };
    let promise = json!({"metadata": {"labels": {"bpfready.io/expect-datapath": "cilium"}}});
    vec![
        node("node-a", json!({"bpfready.io/expect-datapath": "cilium"})),
        node(
            "node-b",
            json!({"karpenter.sh/nodepool": "general", "karpenter.sh/registered": "true"}),
        ),
        node("fargate-a", json!({"eks.amazonaws.com/compute-type": "fargate"})),
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
            "spec": {"template": promise}}),
    ]
}

/// The agents' pods are those that the DaemonSet would make: the API server has to take them.
fn pods(documents: &[Value]) -> Vec<Value> {
    let pod = |namespace: &str, name: &str, labels: Value, mut spec: Value, node: &str| {
        spec["nodeName"] = node.into();
        let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    };
    let agent = pod_of(documents, "DaemonSet", "bpfready-agent");
    let controller = pod_of(documents, "Deployment", "bpfready-controller");
    let app = json!({"containers": [{"name": "c", "image": "i:1"}]});
    let profile = json!({"eks.amazonaws.com/fargate-profile": "p", "app": "web"});
    vec![
        pod("bpfready", "agent-a", json!({}), agent.clone(), "node-a"),
        pod("bpfready", "agent-b", json!({}), agent.clone(), "node-b"),
        pod("bpfready", "one", json!({}), controller.clone(), "node-b"),
        pod("default", "web", profile, app.clone(), "fargate-a"),
        pod("default", "ec2", json!({"app": "web"}), app, "node-b"),
    ]
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

    async fn node_pool(&self, name: &str, body: Value) -> u16 {
        let kind = GroupVersionKind::gvk("karpenter.sh", "v1", "NodePool");
        let kind = ApiResource::from_gvk_with_plural(&kind, "nodepools");
        let pools: Api<DynamicObject> = Api::all_with(self.0.clone(), &kind);
        code(pools.patch(name, &PatchParams::default(), &Patch::Merge(body)).await)
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
    let documents = kustomized(&format!("overlays/{OVERLAY}"));
    let server = installed(&documents).await;
    if server.is_real() {
        policies_are_in_force(&server).await;
    }
    agent_does_its_work(&server, &documents).await;
    controller_does_its_work(&server, &documents).await;
    if let Some(kubectl) = Kubectl::new(&server) {
        uninstalling_gives_nodes_back(&kubectl);
    }
    gives_what_it_names(&server).await;
    if server.is_real() {
        agent_is_held(&server).await;
        controller_is_held(&server).await;
    }
}

/// A policy takes a moment to reach the server that it was given to: only then do the writes that
/// follow show that the policies let them through.
async fn policies_are_in_force(server: &ApiServer) {
    let agent =
        Writer(server.client(&server.token("bpfready", "bpfready-agent", Some("agent-a")).await));
    let controller =
        Writer(server.client(&server.token("bpfready", "bpfready-controller", None).await));
    let mut codes = [0; 4];
    for attempt in 0..400 {
        // Each another value: what is there already is no change, which a policy lets through.
        let other = labels(&json!({"team": attempt.to_string()}));
        codes = [
            agent.node("node-a", other.clone()).await,
            controller.node("fargate-a", other.clone()).await,
            controller.pod("web", other.clone()).await,
            controller.node_pool("general", other.clone()).await,
        ];
        if codes == [403; 4] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("not in force after 80 s: agent, nodes, pods, NodePools: {codes:?}");
}

/// Labels, both conditions, its startup taint and an Event about that.
async fn agent_does_its_work(server: &ApiServer, documents: &[Value]) {
    let agent = processes::agent(server, documents).await;
    says(server, &agent, "/api/v1/nodes/node-b", |node| {
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| conditions.iter().any(|it| it["type"] == name);
        let label = |name: &str| &node["metadata"]["labels"][format!("bpfready.io/{name}")];
        taints.iter().all(|it| it["key"] != "bpfready.io/not-ready")
            && has("bpfready.io/EbpfReady")
            && has("bpfready.io/CiliumReady")
            && label("ebpf") == "partial"
            && label("cilium-capable") == "yes"
            && label("compute") == "karpenter"
    })
    .await;
    says(server, &agent, &events("default"), event("StartupTaintRemoved", "node-b")).await;
    assert_eq!(was_refused(&agent), None);
}

/// The Lease, a Fargate Node's labels and condition, a Fargate pod's annotation and Event, and what
/// is verified on the nodes of a NodePool.
async fn controller_does_its_work(server: &ApiServer, documents: &[Value]) {
    let controller = processes::controller(server, documents).await;
    let lease = "/apis/coordination.k8s.io/v1/namespaces/bpfready/leases/bpfready-controller";
    says(server, &controller, lease, |it| it["spec"]["holderIdentity"].is_string()).await;
    says(server, &controller, "/api/v1/nodes/fargate-a", |node| {
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        // Only the controller itself says this much of a Fargate Node.
        node["metadata"]["labels"]["bpfready.io/compute"] == "fargate"
            && conditions.iter().any(|it| it["reason"] == "FargateNoPrivilege")
    })
    .await;
    says(server, &controller, "/api/v1/namespaces/default/pods/web", |pod| {
        pod["metadata"]["annotations"]["bpfready.io/ebpf"] == "none"
    })
    .await;
    says(server, &controller, &events("default"), event("EbpfUnsupported", "web")).await;
    let pool = "/apis/karpenter.sh/v1/nodepools/general";
    says(server, &controller, pool, |pool| {
        pool["metadata"]["labels"]["bpfready.io/ebpf"] == "partial"
    })
    .await;
    assert_eq!(was_refused(&controller), None);
}

/// What docs/install.md tells people to type in the end.
fn uninstalling_gives_nodes_back(kubectl: &Kubectl) {
    let page = std::fs::read_to_string(bpfready_tests::root().join("docs/install.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter(|it| it.contains("--field-manager=")).collect();
    assert_eq!(lines.len(), 4, "labels and conditions, of agents and controller");
    assert_ne!(left_on("node-b", kubectl), Vec::<String>::new());
    assert_ne!(left_on("fargate-a", kubectl), Vec::<String>::new());
    for line in lines {
        let output = kubectl.shell(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {said}");
    }
    for node in ["node-b", "fargate-a"] {
        assert_eq!(left_on(node, kubectl), Vec::<String>::new(), "{node}");
    }
    assert_eq!(left_on("node-a", kubectl), ["bpfready.io/expect-datapath"], "people's own");
}

/// Labels and conditions of the prefix.
fn left_on(node: &str, kubectl: &Kubectl) -> Vec<String> {
    let output = kubectl.shell(&format!("kubectl get node {node} -o json"));
    let node: Value = serde_json::from_slice(&output.stdout).unwrap();
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let names =
        labels.map(|it| it.0.as_str()).chain(conditions.filter_map(|it| it["type"].as_str()));
    names.filter(|it| it.starts_with("bpfready.io/")).map(str::to_owned).collect()
}

fn events(namespace: &str) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events")
}

/// Whether a list has an Event for this reason about this object.
fn event(reason: &str, about: &str) -> impl Fn(&Value) -> bool {
    let is_it = move |it: &Value| it["reason"] == reason && it["regarding"]["name"] == about;
    move |list| list["items"].as_array().is_some_and(|it| it.iter().any(&is_it))
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

async fn agent_is_held(server: &ApiServer) {
    let agent =
        Writer(server.client(&server.token("bpfready", "bpfready-agent", Some("agent-a")).await));
    let ours = labels(&json!({"bpfready.io/ebpf": "full"}));
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
    let verified = labels(&json!({"bpfready.io/ebpf": "none"}));
    assert_eq!(controller.node_pool("general", verified).await, 200);
    let limits = json!({"spec": {"limits": {"cpu": "1"}}});
    let promise = json!({"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}});
    for body in [labels(&json!({"team": "x"})), limits, promise] {
        assert_eq!(controller.node_pool("general", body.clone()).await, 403, "{body}");
    }
}
