//! Kinds that are absent, present and old; rights that are missing; and the same answers by the API
//! server as by a dump of its objects.

use std::collections::BTreeMap;

use bpfready::judge::ClusterReport;
use bpfready::judge::cluster::{Measurements, Policy, judge};
use bpfready::judge::report::Outcome;
use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};

use super::process::{Controller, eventually, get, make_namespace, rights};
use crate::clusters::{self, documents};
use crate::run::{command, finish};

/// Definitions of the kinds that a fixture uses, each in the versions of its objects.
async fn define(server: &ApiServer, objects: &[Value]) {
    let mut kinds: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for object in objects {
        let version = object["apiVersion"].as_str().unwrap();
        let Some((group, version)) = version.split_once('/') else { continue };
        if ["karpenter.sh", "cilium.io"].contains(&group) {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let versions = kinds.entry((group.to_owned(), kind)).or_default();
            if !versions.iter().any(|it| it == version) {
                versions.push(version.to_owned());
            }
        }
    }
    for ((group, kind), versions) in kinds {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{}ies", stem.to_lowercase()),
            None => format!("{}s", kind.to_lowercase()),
        };
        let scope = if kind == "CiliumNetworkPolicy" || kind == "CiliumNodeConfig" {
            "Namespaced"
        } else {
            "Cluster"
        };
        server.create(&ApiServer::definition(&group, &kind, &plural, scope, &versions)).await;
    }
}

/// Every object of a fixture, its CRDs first.
pub(super) async fn create(server: &ApiServer, case: &str) -> Vec<Value> {
    let all = clusters::objects(&documents(&clusters::case(case)));
    define(server, &all).await;
    for object in &all {
        if object["kind"] == "CustomResourceDefinition" {
            let name = object["metadata"]["name"].as_str().unwrap();
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            if get(server, &format!("{path}/{name}")).await.is_none() {
                let (plural, group) = name.split_once('.').unwrap();
                let kind = format!("X{plural}");
                server
                    .create(&ApiServer::definition(group, &kind, plural, "Cluster", &["v2"]))
                    .await;
            }
            continue;
        }
        if let Some(namespace) = object["metadata"]["namespace"].as_str() {
            make_namespace(server, namespace).await;
        }
        server.create(&with_uids_of_owners(object)).await;
    }
    all
}

/// The server asks for an owner's uid; nothing here judges it, so the fixtures leave it out.
fn with_uids_of_owners(object: &Value) -> Value {
    let mut object = object.clone();
    let owners = object["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut);
    for owner in owners.into_iter().flatten() {
        owner["uid"] = "00000000-0000-4000-8000-000000000000".into();
    }
    object
}

/// `bpfready cluster` by this token.
fn look(server: &ApiServer, token: &str) -> ClusterReport {
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig(token)).unwrap();
    let path = kubeconfig.path().to_str().unwrap();
    let run =
        finish(command(&["cluster", "--kubeconfig", path, "-o", "json", "--fail-on", "never"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn outcomes(report: &ClusterReport) -> BTreeMap<String, Outcome> {
    report.findings.iter().map(|it| (it.rule.clone(), it.outcome)).collect()
}

fn rows(report: &ClusterReport) -> Vec<(String, usize)> {
    report.rows.iter().map(|it| (it.title(), it.nodes)).collect()
}

/// The API server and a dump of its objects say the same, with the manifests' rights.
async fn expect_same(case: &str) {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    create(&server, case).await;
    let by_api = look(&server, &token);
    let by_dump =
        judge(&clusters::cluster(&clusters::case(case)), &Measurements::new(), &Policy::default());
    assert_eq!(rows(&by_api), rows(&by_dump), "{case}");
    assert_eq!(by_api.recommendation, by_dump.recommendation, "{case}");
    for (rule, outcome) in outcomes(&by_dump) {
        // The dump cannot say what it was not asked for.
        if outcome != Outcome::Undetermined {
            assert_eq!(outcomes(&by_api)[&rule], outcome, "{case}: {rule}");
        }
    }
    assert_eq!(outcomes(&by_api)["api-readable"], Outcome::Pass, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn karpenter_with_cilium() {
    expect_same("ec2-karpenter-cilium").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fargate_alone() {
    expect_same("fargate-only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cilium_beside_fargate() {
    expect_same("hybrid-cilium").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_migration() {
    expect_same("migration-half-way").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_mode() {
    expect_same("auto-mode").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hybrid_nodes() {
    expect_same("hybrid-nodes").await;
}

/// Karpenter's v1beta1 beside no Cilium at all: found by discovery, whatever the version.
#[tokio::test(flavor = "multi_thread")]
async fn old_versions_and_leftovers() {
    expect_same("mixed-with-leftovers").await;
}

/// Every compute type, each by the node that § 1 of the facts describes.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_machine_has_its_row() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    let label = |key: &str, value: &str| json!({"metadata": {"labels": {key: value}}});
    let id = |id: &str| json!({"spec": {"providerID": id}});
    let both = |id: &str, key: &str| json!({"metadata": {"labels": {key: "x"}}, "spec": {"providerID": id}});
    let nodes = [
        ("fargate", label("eks.amazonaws.com/compute-type", "fargate")),
        ("eks-auto", label("eks.amazonaws.com/compute-type", "auto")),
        ("eks-hybrid", id("eks-hybrid:///eu-central-1/shop/mi-0")),
        ("hyperpod", label("sagemaker.amazonaws.com/compute-type", "hyperpod")),
        ("karpenter", label("karpenter.sh/nodepool", "default")),
        ("eks-managed", both("aws:///eu-central-1b/i-0", "eks.amazonaws.com/nodegroup")),
        ("aws-self-managed", id("aws:///eu-central-1b/i-1")),
        ("gke", both("gce://shop/europe-west1-b/vm", "cloud.google.com/gke-nodepool")),
        ("aks", both("azure:///subscriptions/s/x", "kubernetes.azure.com/cluster")),
        ("virtual-kubelet", label("type", "virtual-kubelet")),
        ("kind", id("kind://docker/kind/kind-worker")),
        ("k3s", id("k3s://server-0")),
        ("kwok", json!({"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}})),
        ("unknown", json!({})),
    ];
    for (name, mut node) in nodes.clone() {
        node["apiVersion"] = "v1".into();
        node["kind"] = "Node".into();
        node["metadata"]["name"] = name.into();
        server.create(&node).await;
    }
    let report = look(&server, &token);
    assert_eq!(report.nodes.len(), nodes.len());
    for node in &report.nodes {
        assert_eq!(node.compute.as_str(), &*node.name);
    }
}

/// A right that is missing costs what rests on it, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_unknown_and_never_nothing() {
    let server = ApiServer::start().await;
    create(&server, "ec2-karpenter-cilium").await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "nodes-only"},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]
    });
    server.create(&role).await;
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "poor", "namespace": "default"}
    });
    server.create(&account).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "nodes-only"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nodes-only"},
        "subjects": [{"kind": "ServiceAccount", "name": "poor", "namespace": "default"}]
    });
    server.create(&binding).await;
    let token = server.token("default", "poor", None).await;
    let report = look(&server, &token);
    assert_eq!(report.nodes.len(), 5);
    let unread = report.findings.iter().find(|it| it.rule == "api-readable").unwrap();
    assert_eq!(unread.outcome, Outcome::Undetermined);
    assert!(
        unread
            .evidence
            .iter()
            .any(|it| it.contains("daemonsets") && it.contains("permission_denied")),
        "{unread:#?}"
    );
    use bpfready::judge::report::Ternary::Unknown;
    assert_eq!(
        (report.presence.cilium, report.presence.vpc_cni, report.fargate.present),
        (Unknown, Unknown, Unknown)
    );
    let undetermined = [
        "cilium-on-fargate",
        "fargate-policy-enforced",
        "nodepool-startup-taint",
        "selectors-satisfiable",
    ];
    for rule in undetermined {
        assert_eq!(outcomes(&report)[rule], Outcome::Undetermined, "{rule}");
    }
}

/// Opt-in: three labels of the NodePool's metadata, and never its spec.
#[tokio::test(flavor = "multi_thread")]
async fn nodepools_are_labelled_only_when_asked_and_their_spec_stays() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    create(&server, "ec2-karpenter-cilium").await;
    let path = "/apis/karpenter.sh/v1/nodepools/default";
    let before = get(&server, path).await.unwrap();
    let quiet = Controller::start(&server, &token, "one", &[]);
    eventually("it has judged", || async { quiet.report().await.is_some() }).await;
    quiet.terminate();
    assert_eq!(get(&server, path).await.unwrap(), before, "no right, no flag, no write");

    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "bpfready-controller-nodepools"},
        "rules": [{"apiGroups": ["karpenter.sh"], "resources": ["nodepools"], "verbs": ["patch"]}]
    });
    server.create(&role).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "bpfready-controller-nodepools"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bpfready-controller-nodepools"},
        "subjects": [{"kind": "ServiceAccount", "name": "bpfready-controller", "namespace": super::process::namespace()}]
    });
    server.create(&binding).await;
    let _loud = Controller::start(&server, &token, "two", &["--label-nodepools", "true"]);
    eventually("the pool is labelled", || async {
        let labels = get(&server, path).await.unwrap().metadata.labels.unwrap_or_default();
        labels.get("bpfready.io/datapath").is_some_and(|it| it == "cilium")
    })
    .await;
    let after = get(&server, path).await.unwrap();
    assert_eq!(after.data["spec"], before.data["spec"]);
    assert_eq!(after.metadata.generation, before.metadata.generation);
    let labels: Vec<String> = after.metadata.labels.unwrap().into_keys().collect();
    assert_eq!(labels, ["bpfready.io/cilium-ready", "bpfready.io/datapath", "bpfready.io/ebpf"]);
}
