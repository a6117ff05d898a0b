//! A soak: the real agent as a process on this machine, for a while, with events, scrapes, other
//! writers and faults of the API server. The test has seconds for it, `cargo xtask bench soak` more.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::apiserver::{ApiServer, Fault, Match};

/// What can go wrong, as far as it does not concern the test's own code.
pub type Trouble = Box<dyn Error + Send + Sync>;

const LABEL: &str = "bpfready.io/ebpf";
const CONDITION: &str = "bpfready.io/EbpfReady";
/// From one disturbance to the next.
const TICK: Duration = Duration::from_millis(100);
/// How long a machine under load may take for what takes less than a second. The agent itself
/// writes once in ten seconds after eight writes in a row.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a process takes at its calmest is read so often.
const READINGS: usize = 20;

/// What the agent's process takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

/// What was done, and what it left.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// After a quarter of the time.
    pub warm: Footprint,
    /// At the end.
    pub end: Footprint,
    /// Answers that were read.
    pub answers: u64,
    /// Pods that came or went, labels that others took away.
    pub disturbances: u64,
    /// Faults that requests of the agent met.
    pub faults: u64,
    /// Looks of the agent.
    pub looks: f64,
    /// From the last disturbance to the Node that is right again.
    pub settled: Duration,
}

/// Runs it for so long, and until the Node is right after that.
///
/// # Errors
///
/// When the agent ends, does not answer, or loses an update.
pub async fn soak(long: Duration) -> Result<Outcome, Trouble> {
    let server = ApiServer::in_process().await;
    let dir = tempfile::tempdir()?;
    let mut agent = Agent::start(&server, dir.path()).await?;
    let mut storm = Storm::new(&server);
    storm.rage(&mut agent, long / 4).await?;
    let warm = agent.calmest().await?;
    storm.rage(&mut agent, long * 3 / 4).await?;
    let settled = storm.settle(&mut agent).await?;
    let end = agent.calmest().await?;
    let metrics = agent.get("/metrics", "").await?;
    Ok(Outcome {
        warm,
        end,
        answers: agent.answers,
        disturbances: storm.disturbances,
        faults: storm.injected - server.faults().left() as u64,
        looks: sum(&metrics, "bpfready_looks_total"),
        settled,
    })
}

fn sum(metrics: &str, name: &str) -> f64 {
    let samples = metrics.lines().filter(|it| it.starts_with(name));
    samples.filter_map(|it| it.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// The agent's process.
struct Agent {
    child: Child,
    address: SocketAddr,
    answers: u64,
}

impl Agent {
    async fn start(server: &ApiServer, dir: &std::path::Path) -> Result<Self, Trouble> {
        for file in ["namespace.yaml", "agent-rbac.yaml"] {
            server
                .install(&fs::read_to_string(crate::root().join("manifests/base").join(file))?)
                .await;
        }
        server.seed([node(), pod("bpfready", "bpfready-agent-a")]);
        let token = server.token("bpfready", "bpfready-agent", Some("bpfready-agent-a")).await;
        let kubeconfig = dir.join("kubeconfig");
        fs::write(&kubeconfig, server.kubeconfig(&token))?;
        // The port is free now, and nobody here takes ports by number.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(crate::binary());
        command.env_clear().args(["--log", "error", "agent", "--node-name", "a"]);
        command.args(["--interval", "400ms", "--spread", "100ms", "--heartbeat", "3s"]);
        command.arg("--listen").arg(address.to_string()).arg("--kubeconfig").arg(&kubeconfig);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut agent = Self { child, address, answers: 0 };
        let started = Instant::now();
        while agent.get("/readyz", "").await.is_err() {
            agent.lives()?;
            if started.elapsed() > PATIENCE {
                return Err("the agent is not ready".into());
            }
            sleep(TICK).await;
        }
        Ok(agent)
    }

    fn lives(&mut self) -> Result<(), Trouble> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the agent ended: {status}").into()),
        }
    }

    /// The body of a good answer.
    async fn get(&mut self, path: &str, headers: &str) -> Result<String, Trouble> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.map(|_| answer)
        };
        let answer = timeout(PATIENCE, exchange).await??;
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("{path}: {}", String::from_utf8_lossy(&answer)).into());
        }
        self.answers += 1;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The least of some readings: what it keeps, not what a look or an answer takes for a moment.
    async fn calmest(&mut self) -> Result<Footprint, Trouble> {
        let mut least = self.footprint()?;
        for _ in 1..READINGS {
            sleep(TICK).await;
            let Footprint { resident_bytes, descriptors, threads } = self.footprint()?;
            least = Footprint {
                resident_bytes: least.resident_bytes.min(resident_bytes),
                descriptors: least.descriptors.min(descriptors),
                threads: least.threads.min(threads),
            };
        }
        self.lives().map(|()| least)
    }

    fn footprint(&self) -> Result<Footprint, Trouble> {
        let own = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{own}/status"))?;
        // proc_pid_status(5): `VmRSS:	 12345 kB`.
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|it| it.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
        Ok(Footprint {
            resident_bytes: kibibytes.trim().parse::<u64>()? * 1024,
            descriptors: fs::read_dir(format!("{own}/fd"))?.count(),
            threads: fs::read_dir(format!("{own}/task"))?.count(),
        })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that happens around the agent.
struct Storm<'a> {
    server: &'a ApiServer,
    nodes: Api<Node>,
    pods: Api<Pod>,
    tick: usize,
    has_pod: bool,
    disturbances: u64,
    injected: u64,
}

impl<'a> Storm<'a> {
    fn new(server: &'a ApiServer) -> Self {
        let nodes = Api::all(server.admin());
        let pods = Api::namespaced(server.admin(), "default");
        Self { server, nodes, pods, tick: 0, has_pod: false, disturbances: 0, injected: 0 }
    }

    async fn rage(&mut self, agent: &mut Agent, long: Duration) -> Result<(), Trouble> {
        let end = Instant::now() + long;
        // Clients that connect and say nothing, one after the other.
        let mut idle = Vec::new();
        while Instant::now() < end {
            self.tick += 1;
            let (path, headers) = ASKED[self.tick % ASKED.len()];
            agent.get(path, headers).await?;
            if self.tick.is_multiple_of(3) {
                self.pod_comes_or_goes().await?;
            }
            if self.tick.is_multiple_of(7) {
                self.somebody_takes_a_label_away().await?;
            }
            if self.tick.is_multiple_of(5) {
                self.fault();
            }
            idle.push(TcpStream::connect(agent.address).await?);
            if idle.len() > 4 {
                idle.clear();
            }
            agent.lives()?;
            sleep(TICK).await;
        }
        Ok(())
    }

    /// One pod more or less on the node: the agent looks again.
    async fn pod_comes_or_goes(&mut self) -> Result<(), Trouble> {
        self.has_pod = !self.has_pod;
        self.disturbances += 1;
        if self.has_pod {
            self.server.seed([pod("default", "guest")]);
        } else {
            let how = DeleteParams::default().grace_period(0);
            insist(|| async {
                match self.pods.delete("guest", &how).await {
                    // Asked for once more, when the answer to the first time was lost.
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                    other => other.map(drop),
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn somebody_takes_a_label_away(&mut self) -> Result<(), Trouble> {
        self.disturbances += 1;
        let patch = json!({"metadata": {"labels": {LABEL: null}}});
        let (patch, how) = (Patch::Merge(patch), PatchParams::default());
        insist(|| self.nodes.patch("a", &how, &patch)).await.map(drop)
    }

    /// The next fault of the list.
    fn fault(&mut self) {
        let faults = self.server.faults();
        let apply =
            || Match { subresource: None, name: "a".into(), ..Match::verb("patch", "nodes") };
        let watch = || Match::verb("watch", "pods");
        self.injected += 1;
        match self.tick / 5 % 9 {
            0 => faults.inject(watch(), Fault::Gone, 1),
            1 => faults.inject(watch(), Fault::Status(500), 1),
            2 => faults.inject(watch(), Fault::TooManyRequests { retry_after: 1 }, 1),
            3 => faults.inject(apply(), Fault::ResetAfter, 1),
            4 => faults.inject(apply(), Fault::Slow(Duration::from_millis(300)), 1),
            5 => faults.inject(apply(), Fault::Status(409), 1),
            others => {
                // Nothing that waits for a request.
                self.injected -= 1;
                match others {
                    6 => self.server.close_watches(),
                    7 => self.server.cut_connections(),
                    _ => self.server.compact(),
                }
            }
        }
    }

    /// After the storm the Node is what the agent wants, whatever happened on the way.
    async fn settle(&mut self, agent: &mut Agent) -> Result<Duration, Trouble> {
        self.server.faults().clear();
        self.somebody_takes_a_label_away().await?;
        let started = Instant::now();
        loop {
            let node = insist(|| self.nodes.get("a")).await?;
            let is_labelled = node.metadata.labels.iter().flatten().any(|it| it.0 == LABEL);
            let conditions = node.status.and_then(|it| it.conditions).unwrap_or_default();
            if is_labelled && conditions.iter().any(|it| it.type_ == CONDITION) {
                return Ok(started.elapsed());
            }
            agent.lives()?;
            if started.elapsed() > PATIENCE {
                return Err(format!("an update was lost: {:?}", node.metadata.labels).into());
            }
            sleep(TICK).await;
        }
    }
}

/// The storm's own requests meet its faults too.
async fn insist<T, F: Future<Output = kube::Result<T>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, Trouble> {
    for _ in 0..10 {
        if let Ok(answer) = ask().await {
            return Ok(answer);
        }
        sleep(TICK).await;
    }
    Ok(ask().await?)
}

/// What clients ask for, in turn.
const ASKED: [(&str, &str); 5] = [
    ("/metrics", ""),
    ("/metrics", "Accept: application/openmetrics-text\r\nAccept-Encoding: gzip\r\n"),
    ("/report", ""),
    ("/", "Accept-Encoding: gzip\r\n"),
    ("/healthz", ""),
];

fn node() -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": {}}})
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": "a", "serviceAccountName": "bpfready-agent",
            "containers": [{"name": "it", "image": "it"}]}})
}
