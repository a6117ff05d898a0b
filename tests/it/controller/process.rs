//! A controller as a process, and a cluster as an API server shows it.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use kube::api::DynamicObject;
use serde_json::{Value, json};

/// What the manifests give the controller; every test of the suite runs with exactly these rights.
const RIGHTS: [&str; 4] = [
    "namespace.yaml",
    "controller-rbac.yaml",
    "controller-rbac-fargate.yaml",
    "controller-rbac-karpenter.yaml",
];

/// Makes the namespace, the ServiceAccount and its roles; gives back a token of it.
pub(super) async fn rights(server: &ApiServer) -> String {
    for file in RIGHTS {
        let path = bpfready_tests::root().join("manifests/base").join(file);
        server.install(&std::fs::read_to_string(path).unwrap()).await;
    }
    server.token(&namespace(), "bpfready-controller", None).await
}

/// The namespace of the manifests.
pub(super) fn namespace() -> String {
    let path = bpfready_tests::root().join("manifests/base/namespace.yaml");
    let object: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// A running controller; it ends with the test.
pub(super) struct Controller {
    child: Child,
    port: u16,
    _kubeconfig: tempfile::NamedTempFile,
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Controller {
    /// Starts one by this token; `name` is its name among the replicas.
    pub(super) fn start(server: &ApiServer, token: &str, name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(bpfready_tests::binary());
        command
            .env_clear()
            .args(["--log", "warn", "controller", "--lease-seconds", "3", "--refresh", "2"])
            .args(["--pod-name", name, "--namespace", &namespace()])
            .args(args);
        Self::spawn(server, token, command)
    }

    /// Starts one by these variables and no arguments; only its port is a free one.
    pub(super) fn start_as(
        server: &ApiServer,
        token: &str,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let mut command = Command::new(bpfready_tests::binary());
        command.env_clear().envs(variables).arg("controller");
        Self::spawn(server, token, command)
    }

    fn spawn(server: &ApiServer, token: &str, mut command: Command) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(kubeconfig.path(), server.kubeconfig(token)).unwrap();
        command
            .env("BPFREADY_LISTEN", format!("127.0.0.1:{port}"))
            .env("KUBECONFIG", kubeconfig.path())
            .stdin(Stdio::null());
        Self { child: command.spawn().unwrap(), port, _kubeconfig: kubeconfig }
    }

    /// SIGKILL: it says nothing to anybody.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it gives its Lease back.
    pub(super) fn terminate(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let began = Instant::now();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }

    /// Text of one path; `None`: it does not serve yet, or not that.
    pub(super) async fn get(&self, path: &str) -> Option<String> {
        use http_body_util::{BodyExt as _, Empty};
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
        tokio::spawn(connection);
        let request = http::Request::get(path).header("host", "x");
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.ok()?;
        let success = answer.status().is_success();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        success.then(|| String::from_utf8_lossy(&body).into_owned())
    }

    /// The report, when there is one.
    pub(super) async fn report(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/report").await?).ok()
    }

    /// The value of a series, by its whole name with its labels.
    pub(super) async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").await?;
        let value_of = |line: &str| {
            let rest = line.strip_prefix(series)?;
            rest.strip_prefix("{}").unwrap_or(rest).strip_prefix(' ')?.parse().ok()
        };
        text.lines().find_map(value_of)
    }
}

/// Waits until something holds, but not for ever.
#[track_caller]
pub(super) fn eventually<'a, F>(
    what: &'a str,
    mut holds: impl FnMut() -> F + 'a,
) -> impl Future<Output = ()> + 'a
where
    F: Future<Output = bool>,
{
    let caller = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < Duration::from_secs(40), "{caller}: never: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// One object as the administrator sees it.
pub(super) async fn get(server: &ApiServer, path: &str) -> Option<DynamicObject> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    server.admin().request(request).await.ok()
}

/// Deletes one object as the administrator.
pub(super) async fn delete(server: &ApiServer, path: &str) {
    let body = json!({"gracePeriodSeconds": 0}).to_string().into_bytes();
    let request = http::Request::delete(path).header("content-type", "application/json");
    let request = request.body(body).unwrap();
    server.admin().request::<Value>(request).await.unwrap();
}

/// Makes a namespace, unless it is there.
pub(super) async fn make_namespace(server: &ApiServer, name: &str) {
    if get(server, &format!("/api/v1/namespaces/{name}")).await.is_none() {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        server.create(&object).await;
    }
}
