//! A real `kube-apiserver` with its `etcd`, from the folder that `KUBEBUILDER_ASSETS` names.
//!
//! Both run on loopback, on free ports, in a folder of their own, and end with the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Response;
use http_body_util::BodyExt as _;
use kube::client::Body as KubeBody;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, OwnedMutexGuard};

use super::auth::ADMIN;
use super::body::{self, Body};
use super::server;
use super::status::Refusal;

/// How long both may take to start, on a machine that builds something else at the same time.
const START: Duration = Duration::from_secs(120);

/// Both processes.
pub(super) struct Real {
    client: kube::Client,
    processes: Vec<Child>,
    folder: TempDir,
    url: String,
    /// What tests created, to be deleted before the next one.
    created: Mutex<Vec<String>>,
}

impl Drop for Real {
    fn drop(&mut self) {
        // The API server first: it would complain about a missing etcd.
        for process in self.processes.iter_mut().rev() {
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}

impl Real {
    /// Starts both and waits until they answer.
    ///
    /// # Panics
    ///
    /// When they do not start: their last words are in the message.
    pub(super) async fn start(assets: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder for etcd");
        let (etcd, peer, port) = (free_port(), free_port(), free_port());
        let processes = vec![
            start_etcd(assets, folder.path(), etcd, peer),
            start_server(assets, folder.path(), etcd, port),
        ];
        let url = format!("https://127.0.0.1:{port}");
        let mut config = kube::Config::new(url.parse().expect("a port makes a URL"));
        // It made its certificate a moment ago, on this machine, in a folder that only we read.
        config.accept_invalid_certs = true;
        config.default_retry = false;
        let client = kube::Client::try_from(config).expect("a client for a URL");
        let mut real = Self { client, processes, folder, url, created: Mutex::default() };
        real.wait().await;
        real
    }

    async fn wait(&mut self) {
        let started = Instant::now();
        while !self.is_ready().await {
            let ended =
                self.processes.iter_mut().any(|it| it.try_wait().is_ok_and(|it| it.is_some()));
            if ended || started.elapsed() > START {
                let log = std::fs::read_to_string(self.folder.path().join("kube-apiserver.log"));
                let log = log.unwrap_or_default();
                let from = log.len().saturating_sub(4000);
                panic!("kube-apiserver or etcd did not start: {}", log.get(from..).unwrap_or(&log));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let get = |path: &str| {
            let request = http::Request::get(path);
            request.header("authorization", format!("Bearer {ADMIN}")).body(Vec::new())
        };
        // The hook that makes `default` is not part of readiness.
        for path in ["/readyz", "/api/v1/namespaces/default"] {
            let request = get(path).expect("a path is a request");
            if self.client.request_text(request).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Where it listens itself, with TLS and a certificate that nobody knows.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Remembers an object to delete.
    pub(super) fn created(&self, path: String) {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Deletes what earlier tests created, and the events about it.
    pub(super) async fn clean(&self) {
        let mut created =
            std::mem::take(&mut *self.created.lock().unwrap_or_else(PoisonError::into_inner));
        created.push("/api/v1/namespaces/default/events".into());
        for path in created.iter().rev() {
            let body = br#"{"gracePeriodSeconds":0}"#.to_vec();
            let request = http::Request::delete(path)
                .header("authorization", format!("Bearer {ADMIN}"))
                .header("content-type", "application/json")
                .body(body);
            // A test may have deleted it itself.
            let _ = self.client.request_text(request.expect("a path is a request")).await;
        }
        for path in created.iter().filter(|it| it.contains("/customresourcedefinitions/")) {
            self.wait_until_gone(path).await;
        }
    }

    /// A definition goes after the objects of its kind, and until then no other takes its name.
    async fn wait_until_gone(&self, path: &str) {
        for _ in 0..200 {
            let request = http::Request::get(path)
                .header("authorization", format!("Bearer {ADMIN}"))
                .body(Vec::new());
            if self.client.request_text(request.expect("a path is a request")).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        eprintln!("{path} is still being deleted after 20 s");
    }

    /// Hands a request on as it is.
    pub(super) async fn forward(&self, request: server::Request) -> Response<Body> {
        let server::Request { mut parts, body } = request;
        for header in ["host", "connection", "accept-encoding", "content-length"] {
            parts.headers.remove(header);
        }
        let request = http::Request::from_parts(parts, KubeBody::from(body.to_vec()));
        match self.client.send(request).await {
            Ok(answer) => answer.map(|it| it.map_err(Into::into).boxed_unsync()),
            Err(error) => {
                let message = format!("the real API server did not answer: {error}");
                body::refusal(&Refusal::new(502, "BadGateway", message))
            }
        }
    }
}

/// The one real API server of this process, clean, and the turn to use it.
pub(super) async fn shared(assets: PathBuf) -> (Arc<Real>, OwnedMutexGuard<()>) {
    static REAL: OnceCell<(Arc<Real>, Runtime)> = OnceCell::const_new();
    static TURN: LazyLock<Arc<tokio::sync::Mutex<()>>> = LazyLock::new(Arc::default);
    let turn = Arc::clone(&TURN).lock_owned().await;
    let (real, runtime) = REAL
        .get_or_init(async || {
            eprintln!("tests run on the real kube-apiserver of {}", assets.display());
            let runtime = super::runtime();
            let real = runtime.spawn(async move { Real::start(&assets).await }).await;
            (Arc::new(real.expect("the real API server starts")), runtime)
        })
        .await;
    let cleaned = Arc::clone(real);
    runtime.spawn(async move { cleaned.clean().await }).await.expect("old objects are deleted");
    (Arc::clone(real), turn)
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// Ends the program when our end of its standard input closes, however we end.
const LEASH: &str = r#""$@" & program=$!; read -r _; kill -9 "$program"; wait "$program""#;

fn spawn(folder: &Path, program: &Path, arguments: &[String]) -> Child {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let log = std::fs::File::create(folder.join(format!("{name}.log"))).expect("a log file");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", LEASH, "leash"]).arg(program).args(arguments);
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null());
    // Nothing of the caller's cluster may reach it.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stderr(log).spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn start_etcd(assets: &Path, folder: &Path, client: u16, peer: u16) -> Child {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={}", url(client)),
        format!("--advertise-client-urls={}", url(client)),
        format!("--listen-peer-urls={}", url(peer)),
        format!("--initial-advertise-peer-urls={}", url(peer)),
        format!("--initial-cluster=default={}", url(peer)),
        // A test loses nothing when the machine loses power.
        "--unsafe-no-fsync".into(),
    ];
    spawn(folder, &assets.join("etcd"), &arguments)
}

fn start_server(assets: &Path, folder: &Path, etcd: u16, port: u16) -> Child {
    let key = service_account_key(folder);
    let tokens = folder.join("tokens.csv");
    std::fs::write(&tokens, format!("{ADMIN},admin,admin,system:masters\n")).expect("a token file");
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.join("certificates").display()),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".into(),
        format!("--service-account-key-file={}", key.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        // No controller makes the ServiceAccounts and tokens that this plugin waits for.
        "--disable-admission-plugins=ServiceAccount".into(),
        "--allow-privileged=true".into(),
    ];
    spawn(folder, &assets.join("kube-apiserver"), &arguments)
}

fn service_account_key(folder: &Path) -> PathBuf {
    let key = folder.join("service-account.key");
    let mut openssl = Command::new("openssl");
    openssl.args(["genrsa", "-out"]).arg(&key).arg("2048").stderr(Stdio::null());
    let status = openssl.status().expect("openssl makes the key of service accounts");
    assert!(status.success(), "openssl genrsa: {status}");
    key
}
