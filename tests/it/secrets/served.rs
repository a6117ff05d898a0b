//! What agent and controller serve and log, on a host and in a cluster with secrets in every place
//! where people put them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};

use super::{MARK, holds_none, host};
use crate::manifests::kustomized;
use crate::monitoring::{self, Running};
use crate::run::{command, finish};

const PATIENCE: Duration = Duration::from_secs(40);

/// The body of an answer; `None`: nobody listens yet, or there is none yet.
fn get(address: &str, path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\nAccept: {accept}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

/// Everything that it serves holds these words, and no secret; its log neither.
fn serves_no_secret(mut command: Command, address: &str, words: &str) -> String {
    let log = tempfile::NamedTempFile::new().unwrap();
    command.args(["--listen", address]);
    let running = Running::start(&mut command, log.path());
    let said = || std::fs::read_to_string(log.path()).unwrap();
    let began = Instant::now();
    while !get(address, "/report", "*/*").is_some_and(|it| it.contains(words)) {
        assert!(began.elapsed() < PATIENCE, "no {words} is reported: {}", said());
        std::thread::sleep(Duration::from_millis(100));
    }
    for (path, accept) in [("/", "text/html"), ("/report", "*/*"), ("/metrics", "*/*")] {
        let body = get(address, path, accept).unwrap_or_else(|| panic!("no {path}"));
        assert!(body.len() > 100, "{path}: {body}");
        holds_none(path, &body);
    }
    // SIGKILL: what it wrote is in the file.
    drop(running);
    assert!(!said().is_empty());
    holds_none("the log", &said());
    said()
}

#[test]
fn the_agent_serves_and_logs_no_secret_of_its_host() {
    let host = host();
    let mut agent = command(&["--log", "trace", "agent", "--standalone", "--root"]);
    agent.arg(host.path());
    serves_no_secret(agent, &format!("{}:19773", monitoring::host(10)), "debian");
}

/// Pods, workloads and nodes as people write them, and Cilium's configuration.
fn objects() -> Vec<Value> {
    let secret = |place: &str| format!("{MARK}{place}");
    let annotations = json!({
        "kubectl.kubernetes.io/last-applied-configuration": secret("last-applied"),
        "vendor.example.io/password": secret("annotation"),
    });
    let container = json!({
        "name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.18.0",
        "command": ["cilium-agent", secret("command")], "args": [format!("--token={}", secret("argument"))],
        "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": secret("environment")}],
    });
    let labels = json!({"k8s-app": "cilium"});
    let spec = json!({"nodeName": "ip-10-0-0-7", "containers": [container]});
    let template = json!({"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [container]}});
    let named = |name: &str| json!({"name": name, "namespace": "kube-system", "labels": labels, "annotations": annotations});
    vec![
        json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "ip-10-0-0-7", "annotations": annotations},
            "status": {"nodeInfo": node_info()}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": named("cilium-7"), "spec": spec}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": named("cilium"),
            "spec": {"selector": {"matchLabels": labels}, "template": template}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named("cilium-operator"),
            "spec": {"selector": {"matchLabels": labels}, "template": template}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": named("cilium-config"), "data": {
            "routing-mode": "tunnel", "kvstore-opt": format!("{{\"etcd.password\": \"{}\"}}", secret("kvstore")),
            "hubble-export-token": secret("hubble"),
        }}),
    ]
}

fn node_info() -> Value {
    json!({"kernelVersion": "6.1.182", "osImage": "Amazon Linux 2023", "architecture": "amd64",
        "bootID": "", "containerRuntimeVersion": "", "kubeProxyVersion": "", "kubeletVersion": "",
        "machineID": "", "operatingSystem": "linux", "systemUUID": ""})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controller_serves_prints_and_logs_no_secret_of_its_cluster() {
    let server = ApiServer::start().await;
    for document in kustomized("overlays/least-privilege") {
        server.create(&document).await;
    }
    for object in objects() {
        server.create(&object).await;
    }
    let token = server.token("bpfready", "bpfready-controller", None).await;
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig(&token)).unwrap();
    let path = kubeconfig.path().to_owned();
    let mut controller = command(&["--log", "trace", "controller", "--pod-name", "one"]);
    controller.args(["--lease-seconds", "3", "--reports", "0", "--kubeconfig"]).arg(&path);
    let address = format!("{}:19774", monitoring::host(10));
    let log = tokio::task::spawn_blocking(move || serves_no_secret(controller, &address, "6.1"));
    let log = log.await.unwrap();
    assert!(!log.contains(&token), "its own token is in the log");
    for output in ["text", "json", "markdown"] {
        let said = cluster(&path, output);
        assert!(!said.contains(&token), "{output}");
        holds_none(output, &said);
    }
}

/// What `bpfready cluster` prints and logs.
fn cluster(kubeconfig: &Path, output: &str) -> String {
    let mut cluster = command(&["--log", "trace", "cluster", "-o", output, "--kubeconfig"]);
    cluster.arg(kubeconfig);
    let run = finish(cluster);
    assert!(run.stdout.contains("6.1"), "{output}: {}", run.stderr);
    run.stdout + &run.stderr
}
