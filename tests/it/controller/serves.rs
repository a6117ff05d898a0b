//! What the controller serves, started as the Deployment starts it: page, report, metrics, probes.

use std::collections::BTreeMap;

use bpfready::publish::names::cluster as names;
use bpfready_tests::apiserver::ApiServer;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kinds::create;
use super::process::{Controller, eventually, make_namespace, rights};
use crate::run::{command, finish};

/// The container of `manifests/base/controller-deployment.yaml`.
fn container() -> Value {
    let path = bpfready_tests::root().join("manifests/base/controller-deployment.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let deployment: Value = serde_saphyr::from_str(&text).unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0].clone()
}

/// Its environment, as a kubelet would set it.
fn environment(container: &Value) -> BTreeMap<String, String> {
    let field = |path: &str| match path {
        "metadata.namespace" => super::process::namespace(),
        "metadata.name" => "bpfready-controller-0".to_owned(),
        other => panic!("{other}: the test does not know this field"),
    };
    let value = |it: &Value| match it["value"].as_str() {
        Some(value) => value.to_owned(),
        None => field(it["valueFrom"]["fieldRef"]["fieldPath"].as_str().unwrap()),
    };
    let variables = container["env"].as_array().unwrap().iter();
    variables.map(|it| (it["name"].as_str().unwrap().to_owned(), value(it))).collect()
}

/// A variable that nothing reads would be a promise of the manifests that nobody keeps.
#[test]
fn every_variable_of_the_deployment_is_one_that_the_controller_reads() {
    let help = finish(command(&["controller", "--help"])).stdout;
    for name in environment(&container()).into_keys() {
        assert!(help.contains(&format!("[env: {name}")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn started_as_the_deployment_says_it_shows_the_matrix() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    create(&server, "ec2-karpenter-cilium").await;
    let container = container();
    let controller = Controller::start_as(&server, &token, &environment(&container));
    let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
    let (live, ready) = (path("livenessProbe"), path("readinessProbe"));
    eventually("it lives", || async { controller.get(&live).await.is_some() }).await;
    eventually("it is ready", || async { controller.get(&ready).await.is_some() }).await;
    eventually("it leads", || async {
        controller.metric("bpfready_controller_leader").await == Some(1.0)
    })
    .await;
    let page = controller.get("/").await.unwrap();
    for words in ["Compatibility", "EC2 managed", "Karpenter default", "NodePools"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(controller.report().await.unwrap()["kind"], "ClusterReport");
    let nodes = r#"bpfready_cluster_nodes{compute="karpenter",node_pool="default"}"#;
    assert_eq!(controller.metric(nodes).await, Some(3.0));
    let pool = r#"bpfready_cluster_nodepool_nodes{node_pool="default",datapath="cilium",cilium_ready="yes"}"#;
    assert_eq!(controller.metric(pool).await, Some(3.0));
    let gone =
        r#"bpfready_cluster_finding{rule="cilium-on-fargate",severity="warning",state="pass"}"#;
    assert_eq!(controller.metric(gone).await, Some(1.0));
    expect_no_refusal(&server);
}

/// The manifests' rights are enough for everything that the controller does.
fn expect_no_refusal(server: &ApiServer) {
    let counts = server.log().counts().into_keys();
    let refused: Vec<_> = counts.filter(|it| it.3 == 401 || it.3 == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// One bucket of the start-up times of Fargate pods.
async fn started_within(controller: &Controller, seconds: &str) -> Option<f64> {
    let labels = format!(r#"le="{seconds}",compute="fargate",stage="ready""#);
    controller.metric(&format!("{}_bucket{{{labels}}}", names::STARTUP)).await
}

/// "Cold start 60 to 120 s" becomes a measurement: of pods that start while somebody watches, once.
#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_fargate_pod_is_measured_once() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    make_namespace(&server, "web").await;
    let controller = Controller::start(&server, &token, "one", &[]);
    eventually("it leads", || async {
        controller.metric("bpfready_controller_leader").await == Some(1.0)
            && controller.report().await.is_some()
    })
    .await;
    let ready = Timestamp::now() + SignedDuration::from_secs(75);
    let at = ready.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    server
        .create(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "shop", "namespace": "web",
                "labels": {"eks.amazonaws.com/fargate-profile": "web"}
            },
            "spec": {
                "schedulerName": "fargate-scheduler",
                "containers": [{"name": "app", "image": "registry.example.io/app:1"}]
            },
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": at}
            ]}
        }))
        .await;
    eventually("it is measured", || async {
        started_within(&controller, "90.0").await == Some(1.0)
    })
    .await;
    assert_eq!(started_within(&controller, "60.0").await, Some(0.0));
    // Other news are judged; the start that was counted is not counted again.
    server
        .create(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}}))
        .await;
    eventually("the next report", || async {
        controller
            .report()
            .await
            .is_some_and(|it| it["nodes"].as_array().is_some_and(|it| it.len() == 1))
    })
    .await;
    assert_eq!(started_within(&controller, "+Inf").await, Some(1.0));
}
