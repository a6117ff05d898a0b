//! The agent on a node whose wall clock jumps, as it does when time synchronisation begins late or a
//! virtual machine wakes up. What it measures and waits for goes by a clock that does not.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bpfready_tests::apiserver::ApiServer;
use bpfready_tests::root;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::Api;
use serde_json::json;

use crate::agent::Agent;
use crate::hosts;
use crate::run::command;

const YEAR: i64 = 365 * 24 * 3600;
/// A jump's heartbeat comes a second after the one before, but not more than eight times in a row.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn heartbeats_durations_and_tokens_survive_a_clock_that_jumps_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let server = ApiServer::in_process().await;
    let began = Instant::now();
    let node = Jumping::start(&server, dir.path()).await;
    let first = node.until_beaten_at(0).await;
    for offset in [10 * YEAR, -20 * YEAR, 0] {
        node.jump(offset);
        let beat = node.until_beaten_at(offset).await;
        assert_eq!(beat.last_transition_time, first.last_transition_time, "nothing went over");
        node.durations_are_at_most(began.elapsed());
        // The token that came with the pod is no longer taken; the next one is in the file.
        node.rotate_token(&server).await;
    }
    node.until_beaten_at(0).await;
    // Labels and conditions at start; one heartbeat a second at most and eight in a row, then one
    // in ten seconds: a clock that jumps is no reason to write more.
    let most = 2 + 8 + began.elapsed().as_secs() / 10 + 1;
    let writes = server.log().records().into_iter().filter(|it| it.verb == "patch").count();
    assert!(writes as u64 <= most, "{writes} writes, wanted at most {most}");
}

struct Jumping<'a> {
    agent: Agent,
    dir: &'a Path,
    nodes: Api<Node>,
}

impl<'a> Jumping<'a> {
    async fn start(server: &ApiServer, dir: &'a Path) -> Self {
        let rights = std::fs::read_to_string(root().join("manifests/base/agent-rbac.yaml"));
        let namespace = std::fs::read_to_string(root().join("manifests/base/namespace.yaml"));
        server.install(&namespace.unwrap()).await;
        server.install(&rights.unwrap()).await;
        server.seed([
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}),
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "bpfready-agent-a", "namespace": "bpfready"},
                "spec": {"nodeName": "a", "serviceAccountName": "bpfready-agent",
                    "containers": [{"name": "it", "image": "it"}]}}),
        ]);
        set(dir, 0);
        write_token(server, dir).await;
        // As in a pod: the token is in a file, which the kubelet writes anew.
        let mut config: serde_json::Value = serde_json::from_str(&server.kubeconfig("")).unwrap();
        config["users"][0]["user"] = json!({"tokenFile": dir.join("token")});
        std::fs::write(dir.join("kubeconfig"), config.to_string()).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let recording = hosts::case("linux-6.18-root");
        let mut agent = command(&["agent", "--node-name", "a", "--recording", &recording]);
        agent.args(["--heartbeat", "1s", "--spread", "100ms", "--interval", "1s"]);
        agent.arg("--listen").arg(address.to_string());
        agent.arg("--kubeconfig").arg(dir.join("kubeconfig"));
        agent.env("LD_PRELOAD", shim(dir)).env("CLOCK_OFFSET", dir.join("offset"));
        let agent = Agent::of(agent, address);
        Self { agent, dir, nodes: Api::all(server.admin()) }
    }

    fn jump(&self, offset: i64) {
        set(self.dir, offset);
    }

    /// Waits for a heartbeat that was written at this distance from the true time.
    async fn until_beaten_at(&self, offset: i64) -> NodeCondition {
        let since = now() + offset;
        let started = Instant::now();
        loop {
            let node = self.nodes.get("a").await.unwrap();
            let conditions = node.status.and_then(|it| it.conditions).unwrap_or_default();
            let ours = conditions.into_iter().find(|it| it.type_ == "bpfready.io/EbpfReady");
            let beat = ours.as_ref().and_then(|it| it.last_heartbeat_time.clone());
            let at = beat.map(|it| it.0.as_second());
            if let Some(ours) = ours
                && at.is_some_and(|at| (since..since + YEAR).contains(&at))
            {
                return ours;
            }
            assert!(started.elapsed() < PATIENCE, "no heartbeat at {offset:+} s: {at:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// No duration and no age is negative, or longer than the agent has been running.
    #[track_caller]
    fn durations_are_at_most(&self, most: Duration) {
        assert_eq!(self.agent.get("/healthz", "").0, 200);
        let (_, _, text) = self.agent.get("/metrics", "");
        let samples: Vec<_> = text
            .lines()
            .filter_map(|it| it.rsplit_once(' '))
            .filter(|(name, _)| TIMES.iter().any(|it| name.starts_with(it)))
            .collect();
        let is_there = |name: &&str| samples.iter().any(|it| it.0.starts_with(name));
        assert!(TIMES.iter().all(is_there), "{text}");
        for (name, value) in samples {
            let seconds: f64 = value.parse().unwrap();
            // Recorded sources keep the durations of their own machine.
            assert!((0.0..=most.as_secs_f64()).contains(&seconds), "{name}: {seconds} s");
        }
    }

    async fn rotate_token(&self, server: &ApiServer) {
        server.expire_tokens();
        write_token(server, self.dir).await;
    }
}

/// What the agent measures by a clock.
const TIMES: [&str; 3] = [
    "bpfready_look_duration_seconds",
    "bpfready_report_age_seconds",
    "bpfready_source_age_seconds",
];

async fn write_token(server: &ApiServer, dir: &Path) {
    let token = server.token("bpfready", "bpfready-agent", Some("bpfready-agent-a")).await;
    std::fs::write(dir.join("token.new"), token).unwrap();
    std::fs::rename(dir.join("token.new"), dir.join("token")).unwrap();
}

/// Written in place: the agent has the file mapped.
fn set(dir: &Path, offset: i64) {
    use std::os::unix::fs::FileExt as _;
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(false).open(dir.join("offset")).unwrap();
    file.write_all_at(&offset.to_ne_bytes(), 0).unwrap();
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// Compiled by what links Rust programs, so it is there.
fn shim(dir: &Path) -> std::path::PathBuf {
    let shim = dir.join("shim.so");
    let source = root().join("tests/it/clock/shim.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source);
    assert!(cc.status().unwrap().success(), "{cc:?}");
    shim
}
