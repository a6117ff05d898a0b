//! The agent's part of a Node: its real watches and its real keeper, on an API server; on a real
//! `kube-apiserver` too, when `KUBEBUILDER_ASSETS` names a folder with one.
//!
//! Every agent here has exactly the rights of `manifests/base/agent-rbac.yaml`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bpfready::observe::node_api::{own_node, pods_of};
use bpfready::publish::node::desired::{Status, WantedCondition};
use bpfready::publish::node::pace::{Spread, Urgency};
use bpfready::publish::node::{Desired, Keeper, Seen, Tally, Wanted};
use bpfready_tests::apiserver::{ApiServer, Fault, Match};
use bpfready_tests::root;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Event, Node, NodeCondition};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
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

#[tokio::test]
async fn a_label_that_no_longer_holds_disappears_and_foreign_ones_stay() {
    let cluster = Cluster::labelled(json!({"example.org/team": "x"})).await;
    let agent = cluster.agent();
    cluster.until_published().await;
    let mut less = desired();
    less.labels.remove("bpfready.io/datapath");
    agent.wants(less);
    let node =
        cluster.until("the label is gone", |it| label(it, "bpfready.io/datapath").is_none()).await;
    assert_eq!(label(&node, "bpfready.io/ebpf"), Some("full"));
    assert_eq!(label(&node, "example.org/team"), Some("x"));
    // Somebody takes one of ours away: it comes back.
    cluster.merge(json!({"metadata": {"labels": {"bpfready.io/ebpf": null}}})).await;
    cluster.until("it came back", |it| label(it, "bpfready.io/ebpf") == Some("full")).await;
}

/// From the Node object alone, and again when that changes.
#[tokio::test]
async fn the_kind_of_machine_follows_the_node() {
    let cluster = Cluster::labelled(json!({"eks.amazonaws.com/nodegroup": "workers"})).await;
    let agent = cluster.agent();
    let mut desired = desired();
    desired.labels.insert(desired.compute.clone(), "unknown".into());
    agent.wants(desired);
    let is = |value| move |it: &Node| label(it, "bpfready.io/compute") == Some(value);
    cluster.until("a node group's", is("eks-managed")).await;
    cluster.merge(json!({"metadata": {"labels": {"karpenter.sh/nodepool": "default"}}})).await;
    cluster.until("Karpenter's", is("karpenter")).await;
}

#[tokio::test]
async fn foreign_conditions_are_untouched_and_nothing_is_written_without_need() {
    let cluster = Cluster::start().await;
    let _agent = cluster.agent();
    let node = cluster.until_published().await;
    let foreign = conditions(&node).remove("Ready").unwrap();
    assert_eq!((foreign.status.as_str(), foreign.message.as_deref()), ("True", Some("kubelet")));
    // The Events of what was written may still come.
    let writes = || {
        let records = cluster.server.log().records();
        records.iter().filter(|it| it.verb == "patch" && it.resource == "nodes").count()
    };
    let before = writes();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(writes(), before, "a Node that is right gets no write");
}

#[tokio::test]
async fn a_condition_keeps_its_transition_until_its_status_changes_and_beats() {
    let cluster = Cluster::start().await;
    let agent = cluster.agent_with(Spread { heartbeat: Duration::from_millis(400), ..PROMPT });
    let first = ready(&cluster.until_published().await).unwrap();
    // The times of Kubernetes are whole seconds.
    let later = cluster
        .until("a heartbeat", |it| {
            ready(it).is_some_and(|it| it.last_heartbeat_time > first.last_heartbeat_time)
        })
        .await;
    let later = ready(&later).unwrap();
    assert_eq!(later.last_transition_time, first.last_transition_time);
    assert_eq!((later.status.as_str(), later.reason.as_deref()), ("True", Some("Supported")));
    let mut bad = desired();
    bad.conditions = vec![condition(Status::False, "BtfMissing")];
    agent.wants(bad);
    let node =
        cluster.until("it is False", |it| ready(it).is_some_and(|it| it.status == "False")).await;
    assert!(ready(&node).unwrap().last_transition_time > first.last_transition_time);
    cluster.until_events("EbpfReadyFalse", |it| it.len() == 1).await;
    let mut unknown = desired();
    unknown.conditions = vec![condition(Status::Unknown, "CouldNotTell")];
    agent.wants(unknown);
    cluster.until("it is Unknown", |it| ready(it).is_some_and(|it| it.status == "Unknown")).await;
}

#[tokio::test]
async fn a_writer_between_read_and_patch_loses_no_taint() {
    let cluster = Cluster::start().await;
    let nodes = cluster.nodes.clone();
    // Before the first label patch the taints have not been written yet: the JSON patch is meant.
    let labels_first = Match { name: "a".into(), ..Match::verb("patch", "nodes") };
    let between = labels_first.clone();
    let agent = Agent::start(&cluster.server.client(&cluster.token), PROMPT);
    let mut closed = desired();
    closed.is_gate_open = false;
    agent.wants(closed);
    cluster.until("labels", |it| label(it, "bpfready.io/ebpf").is_some()).await;
    cluster.until("condition", |it| ready(it).is_some()).await;
    cluster.server.before(between, move || async move {
        // In front of ours, so that the place that the agent read is somebody else's.
        let patch = json!([{"op": "add", "path": "/spec/taints/0",
            "value": {"key": "example.org/other", "effect": "NoExecute"}}]);
        let patch = Patch::Json::<()>(serde_json::from_value(patch).unwrap());
        nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    });
    agent.wants(desired());
    let node = cluster.until("our taint is gone", |it| !is_tainted(it)).await;
    assert!(taints(&node).contains(&"example.org/other".to_owned()), "{:?}", taints(&node));
    assert_eq!(agent.tally.requests("taint", "conflict"), 1, "the guard held once");
}

#[tokio::test]
async fn the_taint_waits_for_karpenter_and_goes_again_after_a_late_sync() {
    let cluster = Cluster::labelled(json!({"karpenter.sh/nodepool": "default"})).await;
    let _agent = cluster.agent();
    cluster.until("condition", |it| ready(it).is_some()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let node = cluster.nodes.get("a").await.unwrap();
    assert!(is_tainted(&node), "Karpenter has not registered the node yet");
    cluster.merge(json!({"metadata": {"labels": {"karpenter.sh/registered": "true"}}})).await;
    cluster.until("the taint is gone", |it| !is_tainted(it)).await;
    // The sync of a Karpenter that was late writes the whole list again.
    let sync = json!({"spec": {"taints": [{"key": TAINT, "effect": "NoSchedule"},
        {"key": "example.org/kept", "effect": "NoSchedule"}]}});
    cluster.merge(sync).await;
    let node = cluster.until("it is gone again", |it| !is_tainted(it)).await;
    assert_eq!(taints(&node), ["example.org/kept"]);
}

#[tokio::test]
async fn a_closed_gate_keeps_the_taint() {
    let cluster = Cluster::start().await;
    let agent = cluster.agent_with(PROMPT);
    let mut closed = desired();
    closed.is_gate_open = false;
    agent.wants(closed);
    cluster.until("condition", |it| ready(it).is_some()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The agent began with an open gate; what is asserted is what it does after the change.
    cluster.merge(json!({"spec": {"taints": [{"key": TAINT, "effect": "NoSchedule"}]}})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(is_tainted(&cluster.nodes.get("a").await.unwrap()));
}

#[tokio::test]
async fn a_broken_promise_is_told_and_the_promise_is_never_overwritten() {
    let promised = json!({PROMISE: "aws-vpc-cni", "bpfready.io/datapath": "aws-vpc-cni"});
    let cluster = Cluster::labelled(promised).await;
    let agent = cluster.agent();
    cluster.until_events("PromiseMismatch", |it| it.len() == 1).await;
    let node = cluster.until_published().await;
    assert_eq!(label(&node, PROMISE), Some("aws-vpc-cni"));
    // A key that the NodePool set first stays the NodePool's.
    assert_eq!(label(&node, "bpfready.io/datapath"), Some("aws-vpc-cni"));
    let held = agent.tally.standing().unwrap().held;
    assert_eq!(held, ["bpfready.io/datapath"]);
}

#[tokio::test]
async fn a_node_that_is_made_anew_is_published_anew() {
    let cluster = Cluster::start().await;
    let _agent = cluster.agent();
    let before = cluster.until_published().await;
    cluster.nodes.delete("a", &DeleteParams::default()).await.unwrap();
    cluster.server.create(&node(json!({}))).await;
    let after = cluster.until_published().await;
    assert_ne!(before.metadata.uid, after.metadata.uid);
}

#[tokio::test]
async fn an_agent_that_stops_deletes_nothing() {
    let cluster = Cluster::start().await;
    let agent = cluster.agent();
    let before = cluster.until_published().await;
    drop(agent);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let after = cluster.nodes.get("a").await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version);
}

/// The request meets the fault; afterwards the Node is as it should be, and changes are heard of.
async fn survives(which: Match, fault: Fault) {
    let cluster = Cluster::start().await;
    let agent = cluster.agent();
    cluster.until_published().await;
    cluster.server.faults().inject(which.clone(), fault.clone(), 1);
    if which.verb == "watch" {
        // What is open ends, so that the watch is begun anew and meets the fault.
        cluster.server.cut_connections();
    }
    let mut next = desired();
    next.labels.insert("bpfready.io/ebpf".into(), "partial".into());
    agent.wants(next);
    let is_next = |it: &Node| label(it, "bpfready.io/ebpf") == Some("partial");
    cluster.until(&format!("{fault:?}"), is_next).await;
    let started = Instant::now();
    while cluster.server.faults().left() > 0 {
        assert!(started.elapsed() < SOON, "{fault:?} was not met");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.merge(json!({"metadata": {"labels": {"bpfready.io/ebpf": null}}})).await;
    cluster.until(&format!("after {fault:?}"), is_next).await;
}

/// Each on a cluster of its own, all at once: nearly all the time is spent waiting.
async fn survives_each(verb: &'static str, faults: impl IntoIterator<Item = Fault>) {
    let all = faults.into_iter().map(|it| survives(Match::verb(verb, "nodes"), it));
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_write_survives_throttling_overload_conflicts_and_an_expired_token() {
    let codes = [409, 500, 503, 504].map(Fault::Status);
    let others = [Fault::TooManyRequests { retry_after: 1 }, Fault::Unauthorized];
    survives_each("patch", codes.into_iter().chain(others)).await;
}

#[tokio::test]
async fn a_write_survives_broken_connections_before_and_after_it_was_carried_out() {
    let slow = Fault::Slow(Duration::from_millis(500));
    survives_each("patch", [Fault::Reset, Fault::ResetAfter, slow]).await;
}

#[tokio::test]
async fn a_watch_survives_what_ends_or_refuses_it() {
    let ends = [Fault::Gone, Fault::Reset, Fault::EndWatch(Duration::from_millis(50))];
    let refusals = [Fault::Status(500), Fault::Unauthorized];
    let throttles = [Fault::TooManyRequests { retry_after: 1 }];
    survives_each("watch", ends.into_iter().chain(refusals).chain(throttles)).await;
}

/// What a right is for, each by its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    LabelsAreWritten,
    ConditionsAreWritten,
    ChangesAreSeen,
    PodsAreSeen,
    NewPodsAreSeen,
    EventsAreTold,
    RepeatedEventsAreCounted,
}

const CLAIMS: [Claim; 7] = [
    Claim::LabelsAreWritten,
    Claim::ConditionsAreWritten,
    Claim::ChangesAreSeen,
    Claim::PodsAreSeen,
    Claim::NewPodsAreSeen,
    Claim::EventsAreTold,
    Claim::RepeatedEventsAreCounted,
];

/// Group, resource and verb of a right, and the first claim that falls without it.
const RIGHTS: [(&str, &str, &str, Claim); 8] = [
    ("", "nodes", "list", Claim::LabelsAreWritten),
    ("", "nodes", "watch", Claim::ChangesAreSeen),
    ("", "nodes", "patch", Claim::LabelsAreWritten),
    ("", "nodes/status", "patch", Claim::ConditionsAreWritten),
    ("", "pods", "list", Claim::PodsAreSeen),
    ("", "pods", "watch", Claim::NewPodsAreSeen),
    ("events.k8s.io", "events", "create", Claim::EventsAreTold),
    ("events.k8s.io", "events", "patch", Claim::RepeatedEventsAreCounted),
];

/// Runs the agent with these rights and says which claims hold, up to the last in question.
async fn claims(rights: &[Value], last: Claim, patience: Duration) -> Vec<Claim> {
    let promised = json!({PROMISE: "aws-vpc-cni"});
    let cluster = Cluster::with(ApiServer::start().await, promised, rights).await;
    let agent = cluster.agent();
    let mut held = Vec::new();
    let end = CLAIMS.iter().position(|it| *it == last).unwrap();
    for claim in CLAIMS.into_iter().take(end + 1) {
        let started = Instant::now();
        begin(claim, &cluster, &agent).await;
        while started.elapsed() < patience {
            if holds(claim, &cluster, &agent).await {
                held.push(claim);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    held
}

async fn begin(claim: Claim, cluster: &Cluster, agent: &Agent) {
    match claim {
        Claim::ChangesAreSeen => {
            cluster.merge(json!({"metadata": {"labels": {"bpfready.io/ebpf": null}}})).await;
        }
        Claim::NewPodsAreSeen => {
            agent.pods.store(0, Ordering::Relaxed);
            let mut pod = pod();
            pod["metadata"]["name"] = "another".into();
            cluster.server.create(&pod).await;
        }
        Claim::RepeatedEventsAreCounted => {
            // Kept, and then broken as before: the same Event.
            let mut kept = desired();
            kept.datapath = "aws-vpc-cni".into();
            agent.wants(kept);
            tokio::time::sleep(Duration::from_millis(200)).await;
            agent.wants(desired());
        }
        Claim::LabelsAreWritten
        | Claim::ConditionsAreWritten
        | Claim::PodsAreSeen
        | Claim::EventsAreTold => {}
    }
}

async fn holds(claim: Claim, cluster: &Cluster, agent: &Agent) -> bool {
    let node = cluster.nodes.get("a").await.unwrap();
    match claim {
        Claim::LabelsAreWritten | Claim::ChangesAreSeen => {
            label(&node, "bpfready.io/ebpf") == Some("full")
        }
        Claim::ConditionsAreWritten => ready(&node).is_some(),
        Claim::PodsAreSeen | Claim::NewPodsAreSeen => agent.pods.load(Ordering::Relaxed) > 0,
        Claim::EventsAreTold => !cluster.events("PromiseMismatch").await.is_empty(),
        Claim::RepeatedEventsAreCounted => {
            let events = cluster.events("PromiseMismatch").await;
            events.iter().any(|it| it.series.as_ref().is_some_and(|it| it.count >= Some(2)))
        }
    }
}

/// The same documents with one verb of one resource taken out.
fn without(group: &str, resource: &str, verb: &str) -> Vec<Value> {
    let mut documents = rights();
    let mut taken = 0;
    for document in &mut documents {
        let Some(rules) = document["rules"].as_array_mut() else { continue };
        for rule in rules.iter_mut().filter(|it| it["apiGroups"][0] == group) {
            let resources = rule["resources"].as_array().unwrap();
            if resources.iter().any(|it| it == resource) {
                let verbs = rule["verbs"].as_array_mut().unwrap();
                let before = verbs.len();
                verbs.retain(|it| it != verb);
                taken += before - verbs.len();
            }
        }
    }
    assert_eq!(taken, 1, "{group}/{resource} {verb} is in the manifests once");
    for document in &mut documents {
        let Some(rules) = document["rules"].as_array_mut() else { continue };
        // A rule without verbs is not valid.
        rules.retain(|it| it["verbs"] != json!([]));
    }
    documents
}

#[tokio::test]
async fn with_the_rights_of_the_manifests_every_claim_holds() {
    assert_eq!(claims(&rights(), Claim::RepeatedEventsAreCounted, SOON).await, CLAIMS);
}

/// One test a right: its name says what the agent can no longer do.
macro_rules! without_the_right {
    ($($name:ident: $at:literal,)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (group, resource, verb, claim) = RIGHTS[$at];
            // Shorter than the backoff after which a watch that is refused lists again.
            let patience = Duration::from_millis(400);
            let held = claims(&without(group, resource, verb), claim, patience).await;
            assert!(!held.contains(&claim), "{claim:?} holds without {resource} {verb}");
        }
    )*};
}

without_the_right! {
    without_listing_nodes_no_label_is_written: 0,
    without_watching_nodes_no_change_is_seen: 1,
    without_patching_nodes_no_label_is_written: 2,
    without_patching_their_status_no_condition_is_written: 3,
    without_listing_pods_none_is_seen: 4,
    without_watching_pods_no_new_one_is_seen: 5,
    without_creating_events_none_is_told: 6,
    without_patching_events_no_repetition_is_counted: 7,
}

/// Every right of the manifests is one of those above: none is without need, none without a test.
#[test]
fn the_manifests_give_no_right_that_is_not_tested() {
    let mut given = Vec::new();
    for document in rights() {
        let rules = document["rules"].as_array().cloned().unwrap_or_default();
        for rule in rules {
            let list = |field: &str| rule[field].as_array().cloned().unwrap_or_default();
            for (group, resource) in list("apiGroups")
                .iter()
                .flat_map(|group| list("resources").into_iter().map(move |it| (group.clone(), it)))
            {
                given.extend(
                    list("verbs").into_iter().map(|it| (group.clone(), resource.clone(), it)),
                );
            }
        }
    }
    let tested = RIGHTS.map(|(group, resource, verb, _)| {
        (Value::from(group), Value::from(resource), Value::from(verb))
    });
    for right in &given {
        assert!(tested.contains(right), "{right:?} is in the manifests without a test");
    }
    assert_eq!(given.len(), tested.len());
}
