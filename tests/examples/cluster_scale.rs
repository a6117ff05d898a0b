//! `cargo xtask bench cluster`: 5,000 nodes and 100,000 pods, 10,000 of them on Fargate, on the
//! in-process API server; the release binary is the first argument. With a second one, `hard`, the
//! Fargate pods run all at once, which takes 10,000 Fargate nodes beside the 5,000. Every other node
//! has an agent that answers with the report of this machine.
//!
//! Prints how long the first full report takes, what it costs in memory and in requests, for
//! `bpfready cluster` and for `bpfready controller`, and how fast the writes go.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bpfready::publish::serve::access::Access;
use bpfready::publish::serve::route::Content;
use bpfready::publish::serve::{self, Answer, Limits, Route, Server};
use bpfready_tests::apiserver::ApiServer;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Each running Fargate pod has a node of its own. Of 5,000 nodes 3,000 are Fargate's here, and the
/// other 7,000 Fargate pods are jobs that ended, whose objects stay.
const USUAL: Fleet = Fleet { nodes: 2_000, fargate_nodes: 3_000 };
/// All Fargate pods run: three times the nodes that are asked for.
const HARD: Fleet = Fleet { nodes: 5_000, fargate_nodes: 10_000 };
const FARGATE_PODS: usize = 10_000;
const PODS: usize = 100_000;
/// What is wanted.
const MOST_BYTES: u64 = 64 << 20;
const MOST_TIME: Duration = Duration::from_secs(10);

/// How many nodes there are.
#[derive(Clone, Copy)]
struct Fleet {
    nodes: usize,
    fargate_nodes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let fleet = if std::env::args().nth(2).is_some_and(|it| it == "hard") { HARD } else { USUAL };
    let binary = std::env::args().nth(1).ok_or("expected the binary to measure")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&binary, fleet))
}

async fn measure(binary: &str, fleet: Fleet) -> Result<(), Box<dyn Error>> {
    let server = ApiServer::in_process().await;
    let began = Instant::now();
    let agents = Agents::of(binary).await?;
    seed(&server, fleet);
    println!(
        "{} nodes, {PODS} pods, {FARGATE_PODS} of them on Fargate; made in {:.1?}.\n",
        fleet.nodes + fleet.fargate_nodes,
        began.elapsed()
    );
    println!("| what | wanted | measured | |\n| --- | --- | --- | --- |");
    once(&server, binary, &agents)?;
    println!("\nRequests of `bpfready cluster`:\n{}", requests(&server));
    server.log().clear();
    let mut controller = Controller::start(&server, binary, &agents)?;
    controller.first_report().await?;
    println!("\nRequests of `bpfready controller` to its first report:\n{}", requests(&server));
    controller.writes(&server).await?;
    println!("\n{} answers of agents.", agents.answers());
    Ok(())
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

fn print_time(what: &str, time: Duration) {
    println!(
        "| {what}: first full report | under {MOST_TIME:?} | {time:.2?} | {} |",
        verdict(time < MOST_TIME)
    );
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a process")]
fn print_memory(what: &str, bytes: u64) {
    let mib = |it: u64| it as f64 / 1_048_576.0;
    println!(
        "| {what} | under {:.0} MiB | {:.1} MiB | {} |",
        mib(MOST_BYTES),
        mib(bytes),
        verdict(bytes < MOST_BYTES)
    );
}

/// `bpfready cluster`, once.
fn once(server: &ApiServer, binary: &str, agents: &Agents) -> Result<(), Box<dyn Error>> {
    let kubeconfig = kubeconfig(server)?;
    let mut command = Command::new(binary);
    command.args(["cluster", "--fail-on", "never", "-o", "json", "--kubeconfig"]);
    command.arg(kubeconfig.path()).args(["--agent-port", &agents.port.to_string()]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    let child = command.spawn()?;
    // wait4(2) tells the peak of exactly this child.
    let peak = peak_of(child)?;
    print_time("`bpfready cluster`", began.elapsed());
    print_memory("`bpfready cluster`: peak of resident memory", peak);
    Ok(())
}

/// The largest resident memory of a process until its end (proc_pid_status(5), `VmHWM`).
fn peak_of(mut child: Child) -> Result<u64, Box<dyn Error>> {
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak.max(memory(child.id(), "VmHWM:").unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(peak)
}

fn memory(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn kubeconfig(server: &ApiServer) -> Result<tempfile::NamedTempFile, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), server.kubeconfig(server.admin_token()))?;
    Ok(file)
}

/// Requests by kind, as lines.
fn requests(server: &ApiServer) -> String {
    let mut text = String::new();
    for ((verb, resource, subresource, code), count) in server.log().counts() {
        let separator = if subresource.is_empty() { "" } else { "/" };
        let _ = writeln!(text, "- {count} × {verb} {resource}{separator}{subresource} ({code})");
    }
    text
}

/// The agents of all nodes: one server on this machine, whose address they all have.
struct Agents {
    port: u16,
    answers: Arc<AtomicU64>,
    _stop: watch::Sender<bool>,
}

impl Agents {
    /// They answer with what the binary says of this machine.
    async fn of(binary: &str) -> Result<Self, Box<dyn Error>> {
        let report = Command::new(binary).args(["check", "-o", "json"]).output()?.stdout;
        println!("The agents' report has {} bytes.", report.len());
        // The agent keeps it packed as well.
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&report)?;
        let report = Bytes::from(packed.finish()?);
        let listener = serve::listen(([127, 0, 0, 1], 0).into()).await?;
        let port = listener.local_addr()?.port();
        let answers = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&answers);
        let report = Route::new("/report", move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Answer::ok("application/json", Content::Gzipped(report.clone()))
        });
        let (stop, stopped) = watch::channel(false);
        let limits = Limits { connections_of_one: 64, ..Limits::default() };
        let server = Server {
            routes: vec![report],
            access: Access::Open,
            tls: None,
            limits,
            stats: Arc::default(),
        };
        tokio::spawn(serve::serve(Arc::new(server), listener, stopped));
        Ok(Self { port, answers, _stop: stop })
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

struct Controller {
    child: Child,
    port: u16,
    began: Instant,
    _kubeconfig: tempfile::NamedTempFile,
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Controller {
    /// Everything is read anew three times in the half minute, not once in one, and the agents are
    /// asked again, not once in five minutes, so that it meets the writes.
    fn start(server: &ApiServer, binary: &str, agents: &Agents) -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let kubeconfig = kubeconfig(server)?;
        let mut command = Command::new(binary);
        command.args(["controller", "--namespace", "default", "--writes-per-second", "500"]);
        command.args(["--refresh", "10", "--reports", "20"]);
        command.args(["--agent-port", &agents.port.to_string(), "--log", "error"]);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--kubeconfig"]);
        command.arg(kubeconfig.path()).env_clear().stdin(Stdio::null());
        let began = Instant::now();
        Ok(Self { child: command.spawn()?, port, began, _kubeconfig: kubeconfig })
    }

    async fn first_report(&mut self) -> Result<(), Box<dyn Error>> {
        while !self.is_ready().await {
            if self.began.elapsed() > Duration::from_secs(120) || self.child.try_wait()?.is_some() {
                return Err("the controller made no report".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        print_time("`bpfready controller`", self.began.elapsed());
        let peak = memory(self.child.id(), "VmHWM:").ok_or("no VmHWM")?;
        print_memory("`bpfready controller`: peak up to the first report", peak);
        Ok(())
    }

    /// `GET /readyz` by hand: 200 when there is a report.
    async fn is_ready(&self) -> bool {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await else {
            return false;
        };
        let request = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).await.is_ok()
            && stream.read_to_string(&mut answer).await.is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    /// Half a minute of writes: what they cost, and that they keep their pace.
    async fn writes(&self, server: &ApiServer) -> Result<(), Box<dyn Error>> {
        let (began, before) = (Instant::now(), server.log().writes());
        tokio::time::sleep(Duration::from_secs(30)).await;
        let written = server.log().writes() - before;
        println!("{written} writes in {:.0?} (at most 500 a second).\n", began.elapsed());
        println!("| what | wanted | measured | |\n| --- | --- | --- | --- |");
        let now = memory(self.child.id(), "VmRSS:").ok_or("no VmRSS")?;
        print_memory("`bpfready controller`: resident memory while it writes", now);
        let program = memory(self.child.id(), "RssFile:").ok_or("no RssFile")?;
        print_memory("… of it the program itself, as a mapped file", program);
        let peak = memory(self.child.id(), "VmHWM:").ok_or("no VmHWM")?;
        print_memory("`bpfready controller`: peak in all", peak);
        Ok(())
    }
}

fn seed(server: &ApiServer, fleet: Fleet) {
    let Fleet { nodes, fargate_nodes } = fleet;
    server.seed((0..3).map(|it| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("team-{it}")}})));
    server.seed((0..nodes).map(node));
    server.seed((0..fargate_nodes).map(fargate_node));
    server.seed((0..FARGATE_PODS).map(|it| fargate_pod(it, fargate_nodes)));
    server.seed((0..nodes).map(|it| cni_pod(it, "cilium")));
    server.seed((FARGATE_PODS + nodes..PODS).map(|it| pod(it, nodes)));
}

fn name(number: usize) -> String {
    format!(
        "ip-10-{}-{}-{}.eu-central-1.compute.internal",
        number >> 16,
        number >> 8 & 255,
        number & 255
    )
}

/// What a real node has and nobody judges: names of its images.
fn images() -> Vec<Value> {
    let names = |it: usize| {
        let digest = format!("registry.example.io/team/image-{it}@sha256:{:064x}", it * 7919);
        json!({"names": [digest, format!("registry.example.io/team/image-{it}:v1.{it}.0")], "sizeBytes": 1_000_000 * it})
    };
    (0..40).map(names).collect()
}

fn status(kernel: &str) -> Value {
    let at = "2026-11-20T10:00:45Z";
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": format!("Kubelet{kind}"), "message": "kubelet has something to say about it",
            "lastHeartbeatTime": at, "lastTransitionTime": at})
    };
    json!({
        "capacity": {"cpu": "8", "memory": "32Gi", "pods": "58"},
        "allocatable": {"cpu": "7910m", "memory": "31Gi", "pods": "58"},
        "conditions": [condition("Ready", "True"), condition("MemoryPressure", "False"),
            condition("DiskPressure", "False"), condition("PIDPressure", "False")],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "images": images(),
        "nodeInfo": {"kernelVersion": kernel, "osImage": "Amazon Linux 2023.11.20260526", "operatingSystem": "linux",
            "architecture": "amd64", "bootID": "b", "machineID": "m", "systemUUID": "s",
            "containerRuntimeVersion": "containerd://2.2.3", "kubeletVersion": "v1.36.3-eks-cb19647", "kubeProxyVersion": ""}
    })
}

fn node(number: usize) -> Value {
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name(number),
        "topology.kubernetes.io/region": "eu-central-1", "topology.kubernetes.io/zone": format!("eu-central-1{}", ["a", "b", "c"][number % 3]),
        "node.kubernetes.io/instance-type": "m7i.2xlarge", "beta.kubernetes.io/arch": "amd64",
        "bpfready.io/ebpf": "full", "bpfready.io/datapath": "cilium", "bpfready.io/cilium-capable": "yes", "bpfready.io/cilium-ready": "yes",
        "bpfready.io/service-proxy": "cilium", "bpfready.io/compute": "karpenter"
    });
    let (key, value) = match number % 2 {
        0 => ("eks.amazonaws.com/nodegroup", "system".to_owned()),
        _ => ("karpenter.sh/nodepool", format!("pool-{}", number % 10)),
    };
    labels[key] = value.into();
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name(number), "labels": labels},
        "spec": {"providerID": format!("aws:///eu-central-1b/i-{number:017x}")}, "status": status("6.12.88-119.157.amzn2023.x86_64")})
}

fn fargate_node(number: usize) -> Value {
    let name = format!("fargate-{}", name(number));
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"eks.amazonaws.com/compute-type": "fargate", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
        "spec": {"providerID": format!("aws:///eu-central-1b/{number:032x}/{name}"),
            "taints": [{"key": "eks.amazonaws.com/compute-type", "value": "fargate", "effect": "NoSchedule"}]},
        "status": status("6.1.182")})
}

fn pod_of(name: &str, labels: &Value, node: &str, scheduler: &str, phase: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "team-1", "labels": labels,
            "annotations": {"CapacityProvisioned": "0.25vCPU 0.5GB", "Logging": "LoggingEnabled"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-5d8f", "uid": "u", "controller": true}]},
        "spec": {"nodeName": node, "schedulerName": scheduler, "serviceAccountName": "default",
            "containers": [{"name": "app", "image": "registry.example.io/team/app:v1", "ports": [{"containerPort": 8080}],
                "env": (0..10).map(|it| json!({"name": format!("VARIABLE_{it}"), "value": "some value of some length"})).collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
            "volumes": [{"name": "token", "projected": {"sources": []}}]},
        "status": {"phase": phase, "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T10:00:45Z"},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-20T10:00:05Z"}]}})
}

fn fargate_pod(number: usize, nodes: usize) -> Value {
    let labels = json!({"app": format!("app-{}", number % 200), "eks.amazonaws.com/fargate-profile": "team", "pod-template-hash": "5d8f"});
    let (node, phase) = match number < nodes {
        true => (format!("fargate-{}", name(number)), "Running"),
        false => (format!("fargate-{}", name(number)), "Succeeded"),
    };
    pod_of(&format!("serverless-{number}"), &labels, &node, "fargate-scheduler", phase)
}

fn cni_pod(number: usize, app: &str) -> Value {
    pod_of(
        &format!("{app}-{number}"),
        &json!({"k8s-app": app}),
        &name(number),
        "default-scheduler",
        "Running",
    )
}

fn pod(number: usize, nodes: usize) -> Value {
    let labels = json!({"app": format!("app-{}", number % 500), "pod-template-hash": "5d8f"});
    pod_of(
        &format!("shop-{number}"),
        &labels,
        &name(number % nodes),
        "default-scheduler",
        "Running",
    )
}
