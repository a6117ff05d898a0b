//! The agents' own reports: asked for by their nodes' addresses, one of them for each way to fail.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bpfready::publish::serve::access::{Access, Reviewer};
use bpfready::publish::serve::route::Content;
use bpfready::publish::serve::tls::Tls;
use bpfready::publish::serve::{Answer, Limits, Route, Server, serve};
use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::process::{Controller, eventually, rights};
use crate::agent::Agent;
use crate::hosts;
use crate::run::{bpfready, command, finish};

/// A node whose labels some agent wrote, at this address.
async fn node(server: &ApiServer, name: &str, address: IpAddr) {
    server
        .create(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {
                "bpfready.io/ebpf": "partial", "bpfready.io/datapath": "calico",
                "bpfready.io/service-proxy": "ipvs",
                "bpfready.io/cilium-capable": "yes", "bpfready.io/cilium-ready": "no"
            }},
            "status": {"addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": address.to_string()}
            ]}
        }))
        .await;
}

/// Serves `/report` as the agent does, but with this text.
fn spawn(listener: TcpListener, text: String, access: Access, tls: Option<Tls>) {
    let report = Route::new("/report", move |_| {
        Answer::ok("application/json", Content::Plain(text.clone().into()))
    });
    let server = Server {
        routes: vec![report],
        access,
        tls,
        limits: Limits::default(),
        stats: Arc::default(),
    };
    let (sender, stop) = watch::channel(false);
    // Its end would be the server's.
    let _: &mut watch::Sender<bool> = Box::leak(Box::new(sender));
    tokio::spawn(serve(Arc::new(server), listener, stop));
}

/// What is told of nodes whose agents cannot be asked, by their names.
const FAILURES: [(&str, &str); 6] = [
    ("closed", "refused"),
    ("garbage", "not a NodeReport of this version"),
    ("huge", "more than 4 MiB"),
    ("silent", "no report within"),
    ("tls", "not plain HTTP"),
    ("token", "401"),
];

/// An agent for each way to fail, all on the same port as the one that answers.
async fn broken_agents(server: &ApiServer, port: u16) -> TcpListener {
    let mut silent = None;
    for (number, (name, _)) in FAILURES.iter().enumerate() {
        let address = IpAddr::from([127, 0, 0, u8::try_from(number).unwrap() + 2]);
        node(server, name, address).await;
        if *name == "closed" {
            continue;
        }
        let listener = TcpListener::bind(SocketAddr::new(address, port)).await.unwrap();
        match *name {
            "garbage" => spawn(listener, "<html>".into(), Access::Open, None),
            "huge" => spawn(listener, huge(), Access::Open, None),
            // The kernel takes connections, and nobody answers.
            "silent" => silent = Some(listener),
            "tls" => {
                let tls = Tls::self_signed(vec!["agent".into()]).unwrap();
                spawn(listener, "{}".into(), Access::Open, Some(tls));
            }
            "token" => {
                let reviewed = Access::Reviewed(Reviewer::new(server.admin()));
                spawn(listener, "{}".into(), reviewed, None);
            }
            other => panic!("{other}"),
        }
    }
    silent.unwrap()
}

/// A report of 10 MB that would be a good one: packed it is small, unpacked it is not.
fn huge() -> String {
    format!("{{\"verdict\": {{}}, \"facts\": \"{}\"}}", "x".repeat(10_000_000))
}

fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    let nodes = report["nodes"].as_array().unwrap();
    nodes.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

/// Each node that could be asked is told by its agent, each other one by its labels, with the
/// reason.
#[track_caller]
fn expect_told(report: &Value, own: &Value) {
    let answers = line(report, "answers");
    assert_eq!(answers["source"], "report", "{answers:#}");
    let verdict = &own["verdict"];
    assert_eq!(answers["ebpf"], verdict["ebpf"]["status"]);
    assert_eq!(answers["datapath"], verdict["datapath"]["cni"]);
    assert_eq!(answers["serviceProxy"], verdict["service_proxy"]["mode"]);
    assert_eq!(answers["ciliumCapable"], verdict["cilium"]["capable"]);
    assert_eq!(answers.get("reportFailure"), None);
    let finding = report["findings"].as_array().unwrap();
    let finding = finding.iter().find(|it| it["rule"] == "agents-report").unwrap();
    let evidence = finding["evidence"].to_string();
    for (name, words) in FAILURES {
        let node = line(report, name);
        assert_eq!(node["source"], "labels", "{node:#}");
        assert_eq!((&node["ebpf"], &node["datapath"]), (&json!("partial"), &json!("calico")));
        let failure = node["reportFailure"].as_str().unwrap_or_default();
        assert!(failure.contains(words), "{name}: {failure}");
        assert!(evidence.contains(&format!("({name}): {failure}")), "{name}: {evidence}");
    }
    assert!(evidence.contains("6 nodes: the labels alone"), "{evidence}");
}

/// Takes the three seconds after which an agent is given up.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_told_by_its_labels_and_why() {
    // The agent looks at a recording; a check of the same one says what it must report.
    let agent = Agent::start(&[]);
    let address = agent.address();
    let host = hosts::case("linux-6.18-root");
    let own = bpfready(&["check", "--recording", &host, "-o", "json"]).stdout;
    let own: Value = serde_json::from_str(&own).unwrap();
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    node(&server, "answers", address.ip()).await;
    let _silent = broken_agents(&server, address.port()).await;
    let port = address.port().to_string();
    let ask = ["--agent-port", &port, "--reports", "1"];
    let controller = Controller::start(&server, &token, "one", &ask);

    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig(&token)).unwrap();
    let path = kubeconfig.path().to_str().unwrap().to_owned();
    let args = [
        "cluster",
        "--kubeconfig",
        &path,
        "-o",
        "json",
        "--fail-on",
        "never",
        "--agent-port",
        &port,
    ];
    let look = command(&args);
    let run = tokio::task::spawn_blocking(|| finish(look)).await.unwrap();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    expect_told(&serde_json::from_str(&run.stdout).unwrap(), &own);

    eventually("the controller has asked", || async {
        let report = controller.report().await;
        report.is_some_and(|it| line(&it, "answers")["source"] == "report")
    })
    .await;
    expect_told(&controller.report().await.unwrap(), &own);
    let told = r#"bpfready_cluster_nodes_source{source="labels"}"#;
    eventually("Prometheus is told", || async { controller.metric(told).await == Some(6.0) }).await;
}
