//! Every query of every dashboard and alert, on a real Prometheus that scraped real agents and
//! a real controller: three nodes of recorded hosts, Fargate and a NodePool in one cluster, each
//! process with the rights that the manifests give it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};

use super::prometheus::{Prometheus, Running, Told, host, node_exporter};
use super::{expressions, fargate};
use crate::hosts;
use crate::manifests::kustomized;
use crate::run::command;

/// What agents of these hosts do not say, because nothing of it is there: the same names and
/// labels, from a fleet in trouble. `{n}` grows with every scrape.
pub(super) const IN_TROUBLE: &str = include_str!("in_trouble.prom");

/// A node that was not moved yet: two datapaths make a mix.
const NOT_MOVED: &str = "bpfready_datapath_info{cni=\"aws-vpc-cni\",mode=\"secondary-ip\"} 1\n";

/// What only a fleet in trouble, or one with real NICs and programs that run, shows.
const ONLY_IN_TROUBLE: &[&str] = &[
    "datapath: Pods by datapath",
    "datapath: Nodes where the next pod gets something else",
    "datapath: Conflicts and leftovers",
    "datapath: Processor time of BPF programs, by datapath",
    "datapath: Runs of BPF programs, by datapath",
    "datapath: Time a run",
    "fleet: Conflicts and leftovers",
    "node: Conflicts and leftovers",
    "node: Loaded BPF programs by type",
    "node: Processor time of programs",
    "alert BpfreadyPromiseBroken",
    "alert BpfreadyDatapathConflict",
    "alert BpfreadyDatapathLeftovers",
    "alert BpfreadyCiliumNotReady",
    "alert BpfreadyMixedDatapaths",
];

const PATIENCE: Duration = Duration::from_secs(60);

/// One node: the host that its agent looks at, and whether the agent may write.
struct Node {
    name: &'static str,
    host: &'static str,
    args: &'static [&'static str],
    account: &'static str,
}

/// One where all is well, one whose gate stays closed, one whose agent the API server refuses.
const NODES: [Node; 3] = [
    Node {
        name: "a",
        host: "linux-6.18-root",
        args: &["--gate", "ebpf", "--programs"],
        account: "bpfready-agent",
    },
    Node {
        name: "b",
        host: "linux-6.18-no-capabilities",
        args: &["--gate", "cilium"],
        account: "bpfready-agent",
    },
    Node { name: "c", host: "composed-no-btf", args: &[], account: "looks-only" },
];

/// The default overlay, three nodes with their agents' pods, and an account that may only look.
async fn cluster() -> ApiServer {
    let server = ApiServer::in_process().await;
    for document in kustomized("overlays/least-privilege") {
        server.create(&document).await;
    }
    let account = json!({"name": "looks-only", "namespace": "bpfready"});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks-only"});
    let rules = json!([{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]}]);
    let subject = json!({"kind": "ServiceAccount", "name": "looks-only", "namespace": "bpfready"});
    for object in [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "looks-only"}, "rules": rules}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "looks-only"}, "roleRef": role, "subjects": [subject]}),
    ] {
        server.create(&object).await;
    }
    let taint = json!({"key": "bpfready.io/not-ready", "effect": "NoSchedule"});
    for node in &NODES {
        let labels = json!({"bpfready.io/expect-datapath": "cilium"});
        server
            .create(&json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": node.name, "labels": labels}, "spec": {"taints": [taint]}}))
            .await;
        let metadata = json!({"name": pod(node), "namespace": "bpfready"});
        let containers = json!([{"name": "agent", "image": "bpfready:1"}]);
        server
            .create(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec":
                {"nodeName": node.name, "serviceAccountName": node.account, "containers": containers}}))
            .await;
    }
    server
}

fn pod(node: &Node) -> String {
    format!("agent-{}", node.name)
}

/// Starts a node's agent; gives back where it serves.
async fn agent(server: &ApiServer, dir: &Path, nth: u8, node: &Node) -> (Running, String) {
    let token = server.token("bpfready", node.account, Some(&pod(node))).await;
    let kubeconfig = dir.join(format!("{}.kubeconfig", node.name));
    std::fs::write(&kubeconfig, server.kubeconfig(&token)).unwrap();
    let address = format!("{}:19770", host(nth));
    let recording = hosts::case(node.host);
    let mut agent = command(&["agent", "--recording", &recording, "--listen", &address]);
    agent.args(["--node-name", node.name, "--spread", "1s", "--kubeconfig"]).arg(kubeconfig);
    let log = dir.join(format!("{}.log", node.name));
    (Running::start(agent.args(node.args), &log), address)
}

/// Starts the controller; gives back where it serves.
async fn controller(server: &ApiServer, dir: &Path) -> (Running, String) {
    fargate::karpenter(server).await;
    let token = server.token("bpfready", "bpfready-controller", None).await;
    let kubeconfig = dir.join("controller.kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig(&token)).unwrap();
    let address = format!("{}:19770", host(8));
    let mut controller = command(&["controller", "--listen", &address, "--pod-name", "one"]);
    controller.args(["--lease-seconds", "3", "--refresh", "2", "--reports", "0", "--kubeconfig"]);
    let log = dir.join("controller.log");
    (Running::start(controller.arg(kubeconfig), &log), address)
}

/// A query as Grafana would send it with everything chosen, and an alert as it is after its time.
fn filled_in(query: &str) -> String {
    let variables = [
        ("$job", ".+"),
        ("$instance", ".+"),
        ("$__rate_interval", "20s"),
        ("$__range", "60s"),
        ("$vcpu_hour", "0.04"),
        ("$gib_hour", "0.004"),
        ("$node_hour", "0.2"),
        ("$node_vcpu", "3.9"),
        ("$node_gib", "14"),
        ("[15m]", "[20s]"),
        ("_seconds) > 1800", "_seconds) > 0"),
        ("_seconds) > 900", "_seconds) > 0"),
    ];
    variables.iter().fold(query.to_owned(), |query, (from, to)| query.replace(from, to))
}

/// Asks until every query of these has answered with data once; gives back those that never did.
fn unanswered(
    prometheus: &Prometheus,
    mut queries: Vec<(String, String)>,
    is_enough: impl Fn(&[(String, String)]) -> bool,
) -> Vec<(String, String)> {
    let began = Instant::now();
    loop {
        let says = |it: &Value| it["value"][1] != "NaN";
        let has_data =
            |query: &str| prometheus.ask(&filled_in(query)).is_ok_and(|it| it.iter().any(says));
        queries.retain(|it| !has_data(&it.1));
        if is_enough(&queries) || began.elapsed() > PATIENCE {
            return queries;
        }
        thread::sleep(Duration::from_millis(250));
    }
}

/// Takes some seconds, most of it waiting for scrapes: a rate needs two.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_returns_data_on_a_prometheus_that_scraped_agents_and_controller() {
    let dir = tempfile::tempdir().unwrap();
    let server = cluster().await;
    // Nobody listens there, which one of the alerts is about.
    let mut targets = vec![("bpfready-agent", format!("{}:1", host(0)))];
    let mut running = Vec::new();
    for (node, nth) in NODES.iter().zip(1..) {
        let (process, address) = agent(&server, dir.path(), nth, node).await;
        running.push(process);
        targets.push(("bpfready-agent", address));
    }
    let exporter = format!("{}:19100", host(1));
    running.push(node_exporter(&exporter, dir.path()));
    let trouble = Told::start(IN_TROUBLE);
    let not_moved = Told::start(NOT_MOVED);
    targets.extend([
        ("node-exporter", exporter),
        ("trouble", trouble.address.to_string()),
        ("trouble", not_moved.address.to_string()),
    ]);
    let (process, address) = controller(&server, dir.path()).await;
    running.push(process);
    targets.push(("bpfready-controller", address));
    fargate::pod(&server, 0).await;
    let prometheus = Prometheus::start(dir.path(), &targets);

    let up = r#"count(up{job=~"bpfready-.+|node-exporter"} == 1) == 5"#;
    let asked = vec![("all are up".to_owned(), up.to_owned())];
    let missing = unanswered(&prometheus, asked, <[_]>::is_empty);
    assert!(missing.is_empty(), "{missing:?}: {:#?}", prometheus.ask("up"));

    // A rate needs a counter that grows while somebody looks.
    let counts = vec![("a start".to_owned(), "bpfready_startup_seconds_count > 0".to_owned())];
    let missing = unanswered(&prometheus, counts, <[_]>::is_empty);
    assert!(missing.is_empty(), "no start was counted");
    fargate::pod(&server, 1).await;

    let is_expected = |it: &(String, String)| ONLY_IN_TROUBLE.contains(&it.0.as_str());
    let rest = unanswered(&prometheus, expressions::all(), |it| it.iter().all(is_expected));
    let places: Vec<&String> = rest.iter().filter(|it| !is_expected(it)).map(|it| &it.0).collect();
    assert!(places.is_empty(), "no data from real agents: {places:#?}");

    trouble.speak();
    not_moved.speak();
    let empty = unanswered(&prometheus, rest, <[_]>::is_empty);
    assert!(empty.is_empty(), "no data: {empty:#?}");
}
