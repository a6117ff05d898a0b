//! What an agent writes on its Node, and what it leaves alone.

use std::time::Duration;

use bpfready::publish::node::desired::Status;
use bpfready::publish::node::pace::Spread;
use bpfready_tests::apiserver::Match;
use k8s_openapi::api::core::v1::Node;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::{
    Agent, Cluster, PROMISE, PROMPT, TAINT, condition, conditions, desired, is_tainted, label,
    node, ready, taints,
};

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
