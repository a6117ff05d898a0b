//! `bpfready cluster` at a shell: its exit codes, its errors, and keys of another prefix.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::{ApiServer, Fault, Match};
use serde_json::{Value, json};

use super::process::rights;
use crate::run::{Run, bpfready, command, expect_error, finish};

/// A dump in which everything was looked at: one node with these labels, and else empty lists.
fn dump(labels: &Value) -> String {
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "a", "labels": labels},
        "spec": {"providerID": "aws:///eu-central-1b/i-1234567890abcdef0"},
        "status": {"nodeInfo": {"operatingSystem": "linux"}}
    });
    let empty = [
        "Pod",
        "DaemonSet",
        "Deployment",
        "NetworkPolicy",
        "CustomResourceDefinition",
        "ConfigMap",
        "MutatingWebhookConfiguration",
    ];
    let lists = empty.map(|it| json!({"kind": format!("{it}List"), "items": []}));
    [node].into_iter().chain(lists).map(|it| format!("{it}\n")).collect()
}

/// Labels as the agent writes them.
fn labels(capable: &str, ready: &str) -> Value {
    json!({
        "bpfready.io/ebpf": "full", "bpfready.io/datapath": "aws-vpc-cni",
        "bpfready.io/service-proxy": "iptables",
        "bpfready.io/cilium-capable": capable, "bpfready.io/cilium-ready": ready
    })
}

/// `bpfready cluster --objects -` on this dump.
fn judged(dump: &str, args: &[&str]) -> Run {
    let mut command = command(&[&["cluster", "--objects", "-"], args].concat());
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn expect_code(dump: &str, args: &[&str], code: i32) {
    let run = judged(dump, args);
    assert_eq!(run.code, Some(code), "{args:?}: {}{}", run.stdout, run.stderr);
    assert!(!run.stdout.is_empty(), "a report is printed whatever the answer");
}

#[test]
fn each_value_of_fail_on_has_its_exit_codes() {
    let good = dump(&labels("yes", "yes"));
    for value in ["never", "error", "incapable", "not-ready"] {
        expect_code(&good, &["--fail-on", value], 0);
    }
    let old = dump(&labels("no", "no"));
    for (value, code) in
        [("never", 0), ("error", 0), ("warning", 1), ("incapable", 1), ("not-ready", 1)]
    {
        expect_code(&old, &["--fail-on", value], code);
    }
    // With a wish for Cilium the node that cannot run it is an error, which is the default.
    expect_code(&old, &["--enable-cilium"], 1);
    let silent = dump(&json!({}));
    for (value, code) in [("never", 0), ("incapable", 2), ("not-ready", 2)] {
        expect_code(&silent, &["--fail-on", value], code);
    }
    expect_code(&silent, &["--enable-cilium", "--fail-on", "error"], 2);
}

#[test]
fn the_policys_decision_has_its_exit_code() {
    let good = dump(&labels("yes", "no"));
    let disabled = |more: &[&'static str]| [&["--fail-on", "disabled"], more].concat();
    expect_code(&good, &disabled(&["--enable-cilium"]), 0);
    expect_code(&good, &disabled(&["--enable-cilium", "--enable-fargate"]), 0);
    let both = ["--enable-cilium", "--enable-fargate", "--policy", "strict-cluster-wide"];
    expect_code(&good, &disabled(&both), 1);
    // Terraform asks for data: a resource decides, not the exit code.
    expect_code(&good, &[&both[..], &["-o", "text"]].concat(), 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &good).unwrap();
    let path = file.path().to_str().unwrap();
    let run = bpfready(&[&["cluster", "--objects", path, "-o", "terraform"], &both[..]].concat());
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("\"cilium_enabled\": \"false\""), "{}", run.stdout);
}

#[test]
fn keys_of_another_prefix_are_the_agents_when_it_is_given() {
    let text = dump(&labels("yes", "no")).replace("bpfready.io/", "example.org/");
    let told = |args: &[&str]| -> Value {
        let run = judged(&text, &[args, &["-o", "json", "--fail-on", "never"]].concat());
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        report["nodes"][0].clone()
    };
    let with = told(&["--prefix", "example.org"]);
    assert_eq!((&with["source"], &with["ebpf"]), (&json!("labels"), &json!("full")));
    let without = told(&[]);
    assert_eq!((&without["source"], &without["ebpf"]), (&json!("nobody"), &json!("unknown")));
}

#[test]
fn a_nodepool_is_proposed_with_the_configured_prefix() {
    let pool = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "default"},
        "spec": {"template": {"spec": {"nodeClassRef":
            {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}}}}
    });
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), pool.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let ask = |name: &str| {
        bpfready(&["cluster", "nodepool", name, "--objects", path, "--prefix", "example.org"])
    };
    let run = ask("default");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let yaml: Value = serde_saphyr::from_str(&run.stdout).unwrap();
    let template = &yaml["spec"]["template"];
    assert_eq!(template["metadata"]["labels"], json!({"example.org/expect-datapath": "cilium"}));
    assert_eq!(template["spec"]["startupTaints"][1]["key"], "example.org/not-ready");
    let run = ask("defualt");
    assert!(run.stdout.contains("# There are: default."), "{}", run.stdout);
}

fn kubeconfig(server: &str, token: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}]
    });
    std::fs::write(file.path(), config.to_string()).unwrap();
    file
}

/// An error, and not a page of unknowns after half a minute.
#[test]
fn a_kubeconfig_that_leads_nowhere_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let file = kubeconfig(&format!("http://{address}"), "x");
    let path = file.path().to_str().unwrap();
    let began = Instant::now();
    for command in [&["cluster"][..], &["cluster", "nodepool", "default"]] {
        let run = bpfready(&[command, &["--kubeconfig", path]].concat());
        expect_error(&run, &["the API server does not answer", "Connection refused"]);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let run = bpfready(&["cluster", "--kubeconfig", path, "--context", "there"]);
    expect_error(&run, &["cannot use", path, "no context \"there\""]);
    let run = bpfready(&["cluster", "--kubeconfig", "/nonexistent"]);
    expect_error(&run, &["cannot read /nonexistent: No such file"]);
    std::fs::write(path, "clusters: [").unwrap();
    expect_error(&bpfready(&["cluster", "--kubeconfig", path]), &["cannot read", path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_known_are_an_error() {
    let server = ApiServer::start().await;
    let file = kubeconfig(&server.url(), "nobody");
    let look = command(&["cluster", "--kubeconfig", file.path().to_str().unwrap()]);
    let run = tokio::task::spawn_blocking(|| finish(look)).await.unwrap();
    expect_error(&run, &["does not accept these credentials"]);
}

/// What was read is told, and what was not is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_half_way_leaves_what_was_read() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}});
    server.create(&node).await;
    // Everything after the nodes.
    server.faults().inject(Match::verb("list", "pods"), Fault::Reset, usize::MAX);
    server.faults().inject(Match::verb("list", "daemonsets.apps"), Fault::Reset, usize::MAX);
    let file = kubeconfig(&server.url(), &token);
    let path = file.path().to_str().unwrap();
    let look = command(&["cluster", "--kubeconfig", path, "-o", "json", "--fail-on", "never"]);
    let run = tokio::task::spawn_blocking(|| finish(look)).await.unwrap();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["nodes"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["presence"]["cilium"], "unknown");
    let findings = report["findings"].as_array().unwrap();
    let unread = findings.iter().find(|it| it["rule"] == "api-readable").unwrap();
    assert_eq!(unread["outcome"], "undetermined");
    let evidence = unread["evidence"].to_string();
    assert!(evidence.contains("fargate pods") && evidence.contains("daemonsets"), "{evidence}");
    assert!(!evidence.contains("nodes:"), "{evidence}");
}
