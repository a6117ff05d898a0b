//! Fargate, and a NodePool whose gate is stuck, as an API server shows them.

use std::time::Duration;

use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

/// A pod on Fargate with its node, Ready in a moment; and one of Cilium that waits for that node.
pub(super) async fn pod(server: &ApiServer, number: usize) {
    let node = format!("fargate-ip-10-0-9-{number}.eu-central-1.compute.internal");
    let labels = json!({"eks.amazonaws.com/compute-type": "fargate"});
    let info = json!({"kernelVersion": "6.1.182", "osImage": "Minimal", "architecture": "amd64",
        "bootID": "", "containerRuntimeVersion": "", "kubeProxyVersion": "", "kubeletVersion": "",
        "machineID": "", "operatingSystem": "linux", "systemUUID": ""});
    server
        .create(&json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node, "labels": labels}, "status": {"nodeInfo": info}}))
        .await;
    let ready = (Timestamp::now() + Duration::from_secs(5)).strftime("%Y-%m-%dT%H:%M:%SZ");
    let condition =
        json!({"type": "Ready", "status": "True", "lastTransitionTime": ready.to_string()});
    let metadata = json!({"name": format!("shop-{number}"), "namespace": "default",
        "labels": {"eks.amazonaws.com/fargate-profile": "web"},
        "annotations": {"CapacityProvisioned": "0.25vCPU 0.5GB"}});
    let containers = json!([{"name": "app", "image": "registry.example.io/app:1"}]);
    let spec =
        json!({"schedulerName": "fargate-scheduler", "nodeName": node, "containers": containers});
    server
        .create(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
            "status": {"phase": "Running", "conditions": [condition]}}))
        .await;
    let metadata = json!({"name": format!("cilium-{number}"), "namespace": "kube-system",
        "labels": {"k8s-app": "cilium"}});
    let spec = json!({"nodeName": node, "containers": containers});
    server
        .create(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
            "status": {"phase": "Pending"}}))
        .await;
}

/// A NodePool that promises Cilium, a node of it, and a claim that waits since long ago.
pub(super) async fn karpenter(server: &ApiServer) {
    for (kind, plural) in [("NodePool", "nodepools"), ("NodeClaim", "nodeclaims")] {
        let definition = ApiServer::definition("karpenter.sh", kind, plural, "Cluster", &["v1"]);
        server.create(&definition).await;
    }
    let promise = json!({"metadata": {"labels": {"bpfready.io/expect-datapath": "cilium"}}});
    let of_pool = json!({"karpenter.sh/nodepool": "general"});
    let since = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    let waits = [
        since("Registered", "True", "Registered"),
        since("Initialized", "False", "StartupTaintsExist"),
    ];
    for object in [
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool",
            "metadata": {"name": "general"}, "spec": {"template": promise}}),
        json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "of-general", "labels": of_pool}}),
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {"name": "general-1", "labels": of_pool},
            "spec": {}, "status": {"nodeName": "of-general", "conditions": waits}}),
    ] {
        server.create(&object).await;
    }
}
