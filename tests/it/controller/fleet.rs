//! A Fargate fleet that comes, runs and is replaced; and leaders that come and go meanwhile.

use std::collections::BTreeMap;

use bpfready_tests::apiserver::{ApiServer, Fault, Match};
use serde_json::{Value, json};

use super::process::{Controller, delete, eventually, get, make_namespace, rights};

fn node_name(number: usize) -> String {
    format!("fargate-ip-10-0-9-{number}.eu-central-1.compute.internal")
}

async fn start_pod(server: &ApiServer, number: usize) {
    let node = node_name(number);
    server
        .create(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node, "labels": {"eks.amazonaws.com/compute-type": "fargate"}},
            "status": {"nodeInfo": {
                "kernelVersion": "6.1.182", "osImage": "Minimal", "architecture": "amd64",
                "bootID": "", "containerRuntimeVersion": "", "kubeProxyVersion": "",
                "kubeletVersion": "", "machineID": "", "operatingSystem": "linux", "systemUUID": ""
            }}
        }))
        .await;
    server
        .create(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("shop-{number}"), "namespace": "web",
                "labels": {"app": "shop", "eks.amazonaws.com/fargate-profile": "web"},
                "annotations": {"CapacityProvisioned": "0.25vCPU 0.5GB"}
            },
            "spec": {
                "schedulerName": "fargate-scheduler", "nodeName": node,
                "containers": [{"name": "app", "image": "registry.example.io/app:1"}]
            },
            "status": {"phase": "Running"}
        }))
        .await;
}

async fn is_marked(server: &ApiServer, number: usize) -> bool {
    let node = get(server, &format!("/api/v1/nodes/{}", node_name(number))).await;
    let pod = get(server, &format!("/api/v1/namespaces/web/pods/shop-{number}")).await;
    let (Some(node), Some(pod)) = (node, pod) else { return false };
    let wanted = [
        ("bpfready.io/ebpf", "none"),
        ("bpfready.io/cilium-capable", "false"),
        ("bpfready.io/cilium-ready", "false"),
        ("bpfready.io/compute", "fargate"),
    ];
    let labels = node.metadata.labels.unwrap_or_default();
    let labelled = wanted.iter().all(|(key, value)| labels.get(*key).is_some_and(|it| it == value));
    let conditions = node.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let conditioned = conditions.iter().any(|it| {
        it["type"] == "bpfready.io/EbpfReady"
            && it["status"] == "False"
            && it["reason"] == "FargateNoPrivilege"
    });
    let annotations = pod.metadata.annotations.unwrap_or_default();
    // Never a label: labels of pods choose Services and policies.
    let unlabelled = pod.metadata.labels.unwrap_or_default().len() == 2;
    labelled
        && conditioned
        && unlabelled
        && annotations.get("bpfready.io/ebpf").is_some_and(|it| it == "none")
}

async fn are_marked(server: &ApiServer, numbers: std::ops::Range<usize>) -> bool {
    for number in numbers {
        if !is_marked(server, number).await {
            return false;
        }
    }
    true
}

async fn items(server: &ApiServer, path: &str) -> Vec<Value> {
    let list = get(server, path).await.unwrap();
    list.data["items"].as_array().cloned().unwrap_or_default()
}

/// The Events about the pods that are there; a real server keeps those of earlier tests too.
async fn events(server: &ApiServer) -> Vec<Value> {
    let pods = items(server, "/api/v1/namespaces/web/pods").await;
    let uids: Vec<_> = pods.iter().map(|it| &it["metadata"]["uid"]).collect();
    let mut events = items(server, "/apis/events.k8s.io/v1/namespaces/web/events").await;
    events.retain(|it| it["reason"] == "EbpfUnsupported");
    events.retain(|it| uids.contains(&&it["regarding"]["uid"]));
    events
}

/// Writes about nodes, pods and events that succeeded; the Lease is another matter.
fn writes(server: &ApiServer) -> BTreeMap<String, u64> {
    let mut writes = BTreeMap::new();
    for ((verb, resource, subresource, code), count) in server.log().counts() {
        let counted = ["nodes", "pods", "events.events.k8s.io", "nodepools.karpenter.sh"];
        let is_write = (verb == "patch" || verb == "create") && counted.contains(&&*resource);
        if is_write && code < 300 {
            *writes.entry(format!("{verb} {resource}{subresource}")).or_default() += count;
        }
    }
    writes
}

fn once_each(pods: u64) -> BTreeMap<String, u64> {
    let kinds = ["create events.events.k8s.io", "patch nodes", "patch nodesstatus", "patch pods"];
    kinds.into_iter().map(|it| (it.to_owned(), pods)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_comes_runs_and_is_replaced_is_marked_once_each() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    make_namespace(&server, "web").await;
    for number in 0..3 {
        start_pod(&server, number).await;
    }
    server.log().clear();
    let controller = Controller::start(&server, &token, "one", &[]);
    eventually("the fleet is marked", || are_marked(&server, 0..3)).await;
    assert_eq!(events(&server).await.len(), 3);
    let note = events(&server).await[0]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("Karpenter") && note.len() < 1024, "{note}");

    // A pod is replaced: its node goes with it, and new ones come.
    delete(&server, "/api/v1/namespaces/web/pods/shop-0").await;
    delete(&server, &format!("/api/v1/nodes/{}", node_name(0))).await;
    server.log().clear();
    start_pod(&server, 3).await;
    server.log().clear();
    eventually("the new pod is marked", || is_marked(&server, 3)).await;
    eventually("the report follows", || async {
        let report = controller.report().await;
        report.is_some_and(|it| {
            it["fargate"]["nodes"] == 3 && it["fargate"]["billed"]["vcpu"] == 0.75
        })
    })
    .await;
    assert_eq!(writes(&server), once_each(1));

    // Nothing is left to be written: neither by this leader nor by the next one.
    controller.terminate();
    server.log().clear();
    let next = Controller::start(&server, &token, "two", &[]);
    eventually("the next one leads", || async {
        next.metric("bpfready_controller_leader").await == Some(1.0)
    })
    .await;
    eventually("it has judged", || async { next.report().await.is_some() }).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(writes(&server), BTreeMap::new());
    let series = r#"bpfready_fargate_pods{namespace="web",profile="web",phase="Running"}"#;
    assert_eq!(next.metric(series).await, Some(3.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_dies_in_a_burst_is_followed_by_one_that_repeats_nothing() {
    const PODS: usize = 40;
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    make_namespace(&server, "web").await;
    for number in 0..PODS {
        start_pod(&server, number).await;
    }
    server.log().clear();
    let slowly = ["--writes-per-second", "40"];
    let first = Controller::start(&server, &token, "first", &slowly);
    eventually("the burst has begun", || async { writes(&server).len() >= 2 }).await;
    let second = Controller::start(&server, &token, "second", &slowly);
    let before: u64 = writes(&server).values().sum();
    assert!(before < 3 * PODS as u64, "the burst is not over: {before}");
    first.kill();
    eventually("the fleet is marked", || are_marked(&server, 0..PODS)).await;
    assert_eq!(second.metric("bpfready_controller_leader").await, Some(1.0));
    assert_eq!(events(&server).await.len(), PODS);
    // What the first one had in flight when it died may be done twice; an Event cannot be.
    for (kind, count) in writes(&server) {
        let most = PODS as u64 + u64::from(kind != "create events.events.k8s.io");
        assert!((PODS as u64..=most).contains(&count), "{kind}: {count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_breaks_off_and_forgets_loses_nothing() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    make_namespace(&server, "web").await;
    start_pod(&server, 0).await;
    let faults = server.faults();
    faults.inject(Match::verb("list", "nodes"), Fault::Status(500), 1);
    faults.inject(Match::verb("list", "pods"), Fault::TooManyRequests { retry_after: 1 }, 1);
    faults.inject(Match::verb("patch", "pods"), Fault::TooManyRequests { retry_after: 1 }, 1);
    faults.inject(Match::verb("patch", "nodes"), Fault::Reset, 1);
    faults.inject(Match::verb("create", "events.events.k8s.io"), Fault::ResetAfter, 1);
    faults.inject(Match::verb("watch", "nodes"), Fault::Gone, 1);
    let _controller = Controller::start(&server, &token, "one", &["--writes-per-second", "1000"]);
    eventually("the pod is marked", || is_marked(&server, 0)).await;
    server.cut_connections();
    start_pod(&server, 1).await;
    eventually("the next one too", || is_marked(&server, 1)).await;
    assert_eq!(events(&server).await.len(), 2);
    assert_eq!(faults.left(), 0, "every fault has happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_switch_takes_its_writes_away() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    make_namespace(&server, "web").await;
    start_pod(&server, 0).await;
    server.log().clear();
    let off = ["--fargate-pods", "false", "--fargate-events", "false"];
    let controller = Controller::start(&server, &token, "one", &off);
    eventually("the node is marked", || async { writes(&server).len() == 2 }).await;
    controller.kill();
    let wanted = ["patch nodes", "patch nodesstatus"];
    assert_eq!(writes(&server).into_keys().collect::<Vec<_>>(), wanted);
}
