//! The commands of the pages, typed at a real API server (`KUBEBUILDER_ASSETS`) with the manifests
//! in it, as somebody with a runbook would.

use std::process::Output;

use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};

use super::api_server::{OVERLAY, installed};
use super::documents::kustomized;
use super::kubectl::Kubectl;
use crate::docs::{commands, pages};

/// What a reader puts in for the capitals.
const FILLED_IN: [(&str, &str); 4] = [
    ("CILIUM_POD", "cilium-b"),
    ("AGENT", "agent-b"),
    ("NODECLAIM", "claim-b"),
    ("NODE", "node-b"),
];

const LEASE: &str = r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "bpfready-controller", "namespace": "bpfready"}}"#;

/// What a node's kubelet or a pod would answer, which are not there.
const NEED_A_KUBELET: [&str; 3] = ["logs", "exec", "--raw"];

#[tokio::test]
async fn every_kubectl_command_of_the_pages_is_understood() {
    let documents = kustomized(&format!("overlays/{OVERLAY}"));
    let server = installed(&documents).await;
    let Some(kubectl) = Kubectl::new(&server) else {
        eprintln!("not tried: KUBEBUILDER_ASSETS names no real API server");
        return;
    };
    for object in read_by_the_pages() {
        server.create(&object).await;
    }
    // Nobody takes a Lease away: that of an earlier test's controller may be there.
    let applied = kubectl
        .shell(&format!("echo '{LEASE}' | kubectl apply --server-side --force-conflicts -f -"));
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let mut seen = 0;
    for page in pages() {
        for command in commands(&page, "kubectl ") {
            let filled =
                FILLED_IN.iter().fold(command.clone(), |it, (from, to)| it.replace(from, to));
            // The next command needs what this one would take away.
            let only_tried = if command.starts_with("delete ") { " --dry-run=server" } else { "" };
            let output = kubectl.shell(&format!("kubectl {filled}{only_tried}"));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            eprintln!("{}: kubectl {command}: {}", page.display(), said.trim());
            assert!(is_understood(&command, &output), "{}: {command}: {said}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// What a cluster has where somebody reads these pages.
fn read_by_the_pages() -> Vec<Value> {
    let claims =
        ApiServer::definition("karpenter.sh", "NodeClaim", "nodeclaims", "Cluster", &["v1"]);
    let claim = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "claim-b"}, "spec": {}});
    let metadata =
        json!({"name": "cilium-b", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}});
    let spec = json!({"nodeName": "node-b", "containers": [{"name": "c", "image": "i:1"}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    vec![claims, claim, pod]
}

/// Done, or refused by a node that is not there, which is past everything that can be mistyped.
fn is_understood(command: &str, output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let by_nobody = ["dial tcp", "no such host", "error trying to reach service", "address"];
    output.status.success()
        || NEED_A_KUBELET.iter().any(|it| command.contains(it))
            && by_nobody.iter().any(|it| said.contains(it))
}
