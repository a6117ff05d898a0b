//! The agent's part of a Node: its real watches and its real keeper, on an API server; on a real
//! `kube-apiserver` too, when `KUBEBUILDER_ASSETS` names a folder with one.
//!
//! Every agent here has exactly the rights of `manifests/base/agent-rbac.yaml`.

mod faults;
mod published;
mod rights;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bpfready::observe::node_api::{own_node, pods_of};
use bpfready::publish::node::desired::{Status, WantedCondition};
use bpfready::publish::node::pace::{Spread, Urgency};
use bpfready::publish::node::{Desired, Keeper, Seen, Tally, Wanted};
use bpfready_tests::apiserver::ApiServer;
use bpfready_tests::root;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Event, Node, NodeCondition};
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longer than the longest first backoff of watch and keeper together.
const SOON: Duration = Duration::from_secs(10);
const TAINT: &str = "bpfready.io/not-ready";
const PROMISE: &str = "bpfready.io/expect-datapath";

/// Writes at once, and no heartbeat while a test runs.
const PROMPT: Spread =
    Spread { event: Duration::ZERO, routine: Duration::ZERO, heartbeat: Duration::from_secs(3600) };

/// The agent as `bpfready agent` wires it, with what it wants given by the test.
struct Agent {
    wanted: watch::Sender<Option<Wanted>>,
    tally: Arc<Tally>,
    pods: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Agent {
    fn start(client: &kube::Client, spread: Spread) -> Self {
        let (seen, sees) = watch::channel(Seen::Nothing);
        let (wanted, wants) = watch::channel(None);
        let tally = Arc::new(Tally::default());
        let who = ("a", Some("bpfready-agent-a".to_owned()));
        let mut keeper =
            Keeper::new(client.clone(), who, spread, Arc::clone(&tally), (sees, wants));
        let states = own_node(client.clone(), "a");
        let watching = states.for_each(move |state| {
            seen.send_replace(state.map_or(Seen::Absent, |it| Seen::Node(Arc::new(it))));
            std::future::ready(())
        });
        let pods = Arc::new(AtomicUsize::new(0));
        let lists = Arc::clone(&pods);
        let listing = pods_of(client.clone(), "a").for_each(move |_| {
            lists.fetch_add(1, Ordering::Relaxed);
            std::future::ready(())
        });
        let keeping = async move { keeper.run().await };
        let tasks = vec![tokio::spawn(keeping), tokio::spawn(watching), tokio::spawn(listing)];
        Self { wanted, tally, pods, tasks }
    }

    fn wants(&self, desired: Desired) {
        let desired = Arc::new(desired);
        self.wanted.send_replace(Some(Wanted { desired, urgency: Urgency::Event }));
    }
}

/// What the agent wants of a good node that Cilium carries.
fn desired() -> Desired {
    let labels = [("bpfready.io/ebpf", "full"), ("bpfready.io/datapath", "cilium")];
    Desired {
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        conditions: vec![condition(Status::True, "Supported")],
        taint: TAINT.into(),
        is_gate_open: true,
        promise: PROMISE.into(),
        compute: "bpfready.io/compute".into(),
        datapath: "cilium".into(),
    }
}

fn condition(status: Status, reason: &str) -> WantedCondition {
    let kind = "bpfready.io/EbpfReady".into();
    WantedCondition { kind, status, reason: reason.into(), message: "Words.".into() }
}

/// A cluster with the manifests, the Node `a` and the agent's pod on it.
struct Cluster {
    server: ApiServer,
    nodes: Api<Node>,
    token: String,
}

impl Cluster {
    async fn start() -> Self {
        Self::with(ApiServer::start().await, json!({}), &rights()).await
    }

    /// With more on the Node's labels.
    async fn labelled(labels: Value) -> Self {
        Self::with(ApiServer::start().await, labels, &rights()).await
    }

    async fn with(server: ApiServer, labels: Value, rights: &[Value]) -> Self {
        for object in rights {
            server.create(object).await;
        }
        server.create(&node(labels)).await;
        server.create(&pod()).await;
        let token = server.token("bpfready", "bpfready-agent", Some("bpfready-agent-a")).await;
        let nodes: Api<Node> = Api::all(server.admin());
        let this = Self { server, nodes, token };
        if this.server.is_real() {
            // Its authorizer learns of new roles by a watch.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        this
    }

    fn agent(&self) -> Agent {
        self.agent_with(PROMPT)
    }

    fn agent_with(&self, spread: Spread) -> Agent {
        let agent = Agent::start(&self.server.client(&self.token), spread);
        agent.wants(desired());
        agent
    }

    /// Waits until the Node is so.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Node) -> bool) -> impl Future<Output = Node> {
        let (nodes, what) = (self.nodes.clone(), what.to_owned());
        async move {
            let started = Instant::now();
            loop {
                let node = nodes.get("a").await.ok();
                if let Some(node) = node.as_ref().filter(|it| is_so(it)) {
                    return node.clone();
                }
                assert!(started.elapsed() < SOON, "not within {SOON:?}: {what}; {node:#?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn until_published(&self) -> Node {
        self.until("labels, condition, no taint", |it| {
            label(it, "bpfready.io/ebpf") == Some("full") && ready(it).is_some() && !is_tainted(it)
        })
        .await
    }

    async fn merge(&self, patch: Value) {
        let params =
            PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
        self.nodes.patch("a", &params, &Patch::Merge(patch)).await.unwrap();
    }

    async fn events(&self, reason: &str) -> Vec<Event> {
        let events: Api<Event> = Api::namespaced(self.server.admin(), "default");
        let fields = format!("involvedObject.name=a,reason={reason}");
        events.list(&ListParams::default().fields(&fields)).await.unwrap().items
    }

    async fn until_events(&self, reason: &str, are_so: impl Fn(&[Event]) -> bool) {
        let started = Instant::now();
        while !are_so(&self.events(reason).await) {
            let events = self.events(reason).await;
            assert!(started.elapsed() < SOON, "not within {SOON:?}: {reason}; {events:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The documents of the manifests that give the agent its rights, namespace first.
fn rights() -> Vec<Value> {
    let base = root().join("manifests/base");
    let files = ["namespace.yaml", "agent-rbac.yaml"];
    let texts = files.map(|it| std::fs::read_to_string(base.join(it)).unwrap());
    let documents = texts.iter().flat_map(|it| serde_saphyr::from_multiple::<Value>(it).unwrap());
    documents.filter(|it| !it.is_null()).collect()
}

fn node(labels: Value) -> Value {
    let mut labels = labels;
    labels["kubernetes.io/hostname"] = "a".into();
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": labels},
        "spec": {"taints": [{"key": TAINT, "effect": "NoSchedule"}]},
        "status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet"}]}})
}

fn pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bpfready-agent-a", "namespace": "bpfready"},
        "spec": {"nodeName": "a", "serviceAccountName": "bpfready-agent",
            "containers": [{"name": "agent", "image": "bpfready"}]}})
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn conditions(node: &Node) -> BTreeMap<String, NodeCondition> {
    let conditions = node.status.clone().and_then(|it| it.conditions).unwrap_or_default();
    conditions.into_iter().map(|it| (it.type_.clone(), it)).collect()
}

fn ready(node: &Node) -> Option<NodeCondition> {
    conditions(node).remove("bpfready.io/EbpfReady")
}

fn taints(node: &Node) -> Vec<String> {
    let taints = node.spec.as_ref().and_then(|it| it.taints.clone()).unwrap_or_default();
    taints.into_iter().map(|it| it.key).collect()
}

fn is_tainted(node: &Node) -> bool {
    taints(node).iter().any(|it| it == TAINT)
}
