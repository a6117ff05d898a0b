//! The start of a Karpenter node, stage by stage, as the controller's histograms tell it.

use bpfready::publish::names::cluster as names;
use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::process::{Controller, eventually, rights};

const CLAIMS: &str = "/apis/karpenter.sh/v1/nodeclaims/default-x";
const NODE: &str = "/api/v1/nodes/ip-10-0-1-2.ec2.internal";

/// The histogram of one stage: how many starts took at most so many seconds.
async fn within(controller: &Controller, stage: &str, seconds: &str) -> Option<f64> {
    let labels = format!(r#"le="{seconds}",compute="karpenter",stage="{stage}""#);
    controller.metric(&format!("{}_bucket{{{labels}}}", names::STARTUP)).await
}

/// Merges this into an object's status, as kubelet, Karpenter and the agents do.
async fn report(server: &ApiServer, path: &str, status: Value) {
    let body = json!({"status": status}).to_string().into_bytes();
    let request = http::Request::patch(format!("{path}/status"))
        .header("content-type", "application/merge-patch+json");
    server.admin().request::<Value>(request.body(body).unwrap()).await.unwrap();
}

/// Takes the taints away that a controller has removed.
async fn untaint(server: &ApiServer, taints: Value) {
    let body = json!({"spec": {"taints": taints}}).to_string().into_bytes();
    let request = http::Request::patch(NODE).header("content-type", "application/merge-patch+json");
    server.admin().request::<Value>(request.body(body).unwrap()).await.unwrap();
}

/// Conditions with the seconds from `start` at which each became what it is.
fn conditions(start: Timestamp, all: &[(&str, &str, &str, i64)]) -> Value {
    let one = |(kind, status, reason, seconds): &(&str, &str, &str, i64)| {
        let at = start + SignedDuration::from_secs(*seconds);
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({"type": kind, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": at})
    };
    json!({"conditions": all.iter().map(one).collect::<Vec<_>>()})
}

/// A stage is there with the time of its own condition, and the stages after it are not.
async fn expect(controller: &Controller, stage: &str, less: &str, most: &str, later: &[&str]) {
    eventually(stage, || async { within(controller, stage, most).await == Some(1.0) }).await;
    assert_eq!(within(controller, stage, less).await, Some(0.0), "{stage}");
    for stage in later {
        assert_eq!(within(controller, stage, "+Inf").await, None, "{stage} is yet to come");
    }
}

/// What holds pods back until the node is verified.
fn gate() -> Value {
    json!({"key": "bpfready.io/not-ready", "effect": "NoSchedule"})
}

/// Makes a NodeClaim, and the node that comes of it as kubelet registers it; when the claim was made.
async fn launch(server: &ApiServer) -> Timestamp {
    let claim = server
        .create(&json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {"name": "default-x", "labels": {"karpenter.sh/nodepool": "default"}}
        }))
        .await;
    let start = claim["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
    server
        .create(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "ip-10-0-1-2.ec2.internal",
                "labels": {"karpenter.sh/nodepool": "default"}},
            "spec": {"providerID": "aws:///eu-central-1b/i-1234567890abcdef0", "taints": [
                {"key": "karpenter.sh/unregistered", "effect": "NoExecute"}, gate()
            ]}
        }))
        .await;
    start
}

#[tokio::test(flavor = "multi_thread")]
async fn a_karpenter_node_goes_through_its_stages() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    let kind = ApiServer::definition("karpenter.sh", "NodeClaim", "nodeclaims", "Cluster", &["v1"]);
    server.create(&kind).await;
    let controller = Controller::start(&server, &token, "one", &[]);
    eventually("it leads", || async {
        controller.metric("bpfready_controller_leader").await == Some(1.0)
            && controller.report().await.is_some()
    })
    .await;

    let start = launch(&server).await;
    // kubelet may be first; the node's own creation is not its start, so nothing is counted yet.
    let ready = ("Ready", "True", "KubeletReady", 45);
    report(&server, NODE, conditions(start, &[ready])).await;
    eventually("the node is seen", || async {
        controller.report().await.is_some_and(|it| it["nodes"][0]["compute"] == "karpenter")
    })
    .await;
    assert_eq!(within(&controller, "ready", "+Inf").await, None);

    let launched = ("Launched", "True", "Launched", 3);
    let registered = ("Registered", "True", "Registered", 31);
    let waits = ("Initialized", "Unknown", "StartupTaintsExist", 31);
    let mut status = conditions(start, &[launched, registered, waits]);
    status["nodeName"] = "ip-10-0-1-2.ec2.internal".into();
    report(&server, CLAIMS, status).await;
    untaint(&server, json!([gate()])).await;
    expect(&controller, "registered", "30.0", "45.0", &["datapath_ready", "gate_open"]).await;
    expect(&controller, "ready", "30.0", "45.0", &["datapath_ready", "gate_open"]).await;

    let datapath = ("bpfready.io/CiliumReady", "True", "CiliumHealthy", 70);
    report(&server, NODE, conditions(start, &[ready, datapath])).await;
    expect(&controller, "datapath_ready", "60.0", "90.0", &["gate_open"]).await;

    untaint(&server, json!([])).await;
    let open = ("Initialized", "True", "Initialized", 95);
    report(&server, CLAIMS, conditions(start, &[launched, registered, open])).await;
    expect(&controller, "gate_open", "90.0", "120.0", &[]).await;

    breaks_and_comes_back(&server, &controller, start).await;
    for stage in ["registered", "ready", "datapath_ready", "gate_open"] {
        assert_eq!(within(&controller, stage, "+Inf").await, Some(1.0), "{stage}");
    }
}

/// Cilium breaks and comes back: that is no start.
async fn breaks_and_comes_back(server: &ApiServer, controller: &Controller, start: Timestamp) {
    let ready = ("Ready", "True", "KubeletReady", 45);
    let broken = ("bpfready.io/CiliumReady", "False", "CiliumUnhealthy", 200);
    report(server, NODE, conditions(start, &[ready, broken])).await;
    eventually("it is broken", || async {
        let report = controller.report().await;
        report.is_some_and(|it| it["startup"]["karpenter"].get("datapath_ready").is_none())
    })
    .await;
    let again = ("bpfready.io/CiliumReady", "True", "CiliumHealthy", 300);
    report(server, NODE, conditions(start, &[ready, again])).await;
    let seconds = |it: &Value| it["startup"]["karpenter"]["datapath_ready"]["maxSeconds"].as_i64();
    eventually("the report follows", || async {
        controller.report().await.is_some_and(|it| seconds(&it) == Some(300))
    })
    .await;
}
