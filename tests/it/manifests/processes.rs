//! Agent and controller on an API server, with the environment of their pods and the tokens of
//! their ServiceAccounts: every write that they are for gets done.

use std::process::Command;
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use serde_json::Value;

use super::documents::named;
use crate::hosts;
use crate::monitoring::{Running, host};
use crate::run::command;

/// How long all writes may take on a machine that does something else.
const PATIENCE: Duration = Duration::from_secs(40);

/// A process that runs as a pod's container would, and its token and log.
pub(super) struct Process {
    _running: Running,
    _kubeconfig: tempfile::NamedTempFile,
    log: tempfile::NamedTempFile,
}

impl Process {
    fn start(mut command: Command, server: &ApiServer, token: &str) -> Self {
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(kubeconfig.path(), server.kubeconfig(token)).unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        let running =
            Running::start(command.arg("--kubeconfig").arg(kubeconfig.path()), log.path());
        Self { _running: running, _kubeconfig: kubeconfig, log }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }
}

/// The words that the pod's container gives to the program, but for where it looks and serves.
fn environment(pod: &Value) -> impl Iterator<Item = (&str, &str)> {
    let all = pod["containers"][0]["env"].as_array().unwrap().iter();
    let said = all.filter_map(|it| Some((it["name"].as_str()?, it["value"].as_str()?)));
    said.filter(|it| !["BPFREADY_ROOT", "BPFREADY_LISTEN"].contains(&it.0))
}

/// The pod that a workload of the manifests makes.
pub(super) fn pod_of<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    &named(documents, kind, name)["spec"]["template"]["spec"]
}

/// The agent of `node-b`.
pub(super) async fn agent(server: &ApiServer, documents: &[Value]) -> Process {
    let token = server.token("bpfready", "bpfready-agent", Some("agent-b")).await;
    let recording = hosts::case("linux-6.18-root");
    let address = format!("{}:19771", host(9));
    let mut agent = command(&["agent", "--recording", &recording, "--listen", &address]);
    agent.envs(environment(pod_of(documents, "DaemonSet", "bpfready-agent")));
    agent.env("BPFREADY_NODE_NAME", "node-b").env("BPFREADY_POD_NAME", "agent-b");
    agent.args(["--spread", "100ms"]);
    Process::start(agent, server, &token)
}

/// The controller, which asks no agent for its report: there is none at the Nodes' addresses.
pub(super) async fn controller(server: &ApiServer, documents: &[Value]) -> Process {
    let token = server.token("bpfready", "bpfready-controller", None).await;
    let address = format!("{}:19772", host(9));
    let mut controller = command(&["controller", "--listen", &address, "--reports", "0"]);
    controller.envs(environment(pod_of(documents, "Deployment", "bpfready-controller")));
    controller.env("BPFREADY_NAMESPACE", "bpfready").env("BPFREADY_POD_NAME", "one");
    controller.args(["--lease-seconds", "3"]);
    Process::start(controller, server, &token)
}

/// Waits until an object says a thing.
pub(super) async fn says(
    server: &ApiServer,
    process: &Process,
    path: &str,
    thing: impl Fn(&Value) -> bool,
) {
    let began = Instant::now();
    loop {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let object = server.admin().request::<Value>(request).await;
        if object.as_ref().is_ok_and(&thing) {
            return;
        }
        let waited = began.elapsed();
        assert!(waited < PATIENCE, "{path}: {object:#?}: {}", process.said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether it was told that it may not, by the rights or by a policy.
pub(super) fn was_refused(process: &Process) -> Option<String> {
    let said = process.said();
    let words = ["orbidden", "denied request", "403"];
    said.lines().find(|it| words.iter().any(|word| it.contains(word))).map(str::to_owned)
}
