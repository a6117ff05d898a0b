//! An API server for tests: in this process, or a real `kube-apiserver` behind the same door.
//!
//! [`ApiServer::start`] takes the real one when `KUBEBUILDER_ASSETS` names a folder with
//! `kube-apiserver` and `etcd`; faults, log and hooks work the same on both. The in-process one
//! holds what matters to a client that reads, watches and writes: revisions, pages, selectors,
//! metadata-only answers, bookmarks, 410, server-side apply with owners and conflicts, the other
//! patches, subresources, tokens, RBAC, discovery. It does not run controllers, and it evaluates no
//! admission policy.

mod admission;
mod apply;
mod auth;
mod body;
mod call;
mod discovery;
mod events;
mod faults;
mod fields;
mod front;
mod listing;
mod log;
mod managers;
mod object;
mod patch;
mod rbac;
mod real;
mod request;
mod reviews;
mod schema;
mod selector;
mod server;
mod status;
mod store;
mod types;
mod write;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedMutexGuard, watch};

use front::{Behind, Front};
use types::Resource;

pub use faults::{Fault, Faults, Match};
pub use log::{Counted, Log, Record};

/// A running API server; it ends when this is dropped.
pub struct ApiServer {
    front: Arc<Front>,
    address: SocketAddr,
    /// What objects can be created by their kind.
    types: Mutex<Vec<Arc<Resource>>>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// A real API server is for one test at a time: they all name the same objects.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.front.cut.send_modify(|it| *it += 1);
        // Dropping a runtime waits; inside another runtime that is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The folder with a real API server, if the environment names one.
pub fn assets() -> Option<PathBuf> {
    std::env::var_os("KUBEBUILDER_ASSETS").filter(|it| !it.is_empty()).map(PathBuf::from)
}

impl ApiServer {
    /// The real one where there is one, else the one in this process.
    ///
    /// # Panics
    ///
    /// When `KUBEBUILDER_ASSETS` names a folder and what is in it does not start.
    pub async fn start() -> Self {
        match assets() {
            Some(assets) => {
                let (real, turn) = real::shared(assets).await;
                let mut server = Self::behind_a_door(runtime(), Behind::Real(real)).await;
                server.turn = Some(turn);
                server
            }
            None => Self::in_process().await,
        }
    }

    /// The one in this process, whatever the environment says.
    pub async fn in_process() -> Self {
        Self::behind_a_door(runtime(), Behind::Ours(server::State::new())).await
    }

    async fn behind_a_door(runtime: Runtime, behind: Behind) -> Self {
        let (cut, _) = watch::channel(0);
        let front = Front {
            behind,
            log: Log::default(),
            faults: Faults::default(),
            hooks: Mutex::default(),
            cut,
        };
        let front = Arc::new(front);
        let serving = Arc::clone(&front);
        let (tell, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.expect("a port on loopback");
            let _ = tell.send(front::address(&listener));
            front::serve(serving, listener).await;
        });
        let address = told.await.expect("the door opens");
        Self {
            front,
            address,
            types: Mutex::new(types::built_in()),
            runtime: Some(runtime),
            turn: None,
        }
    }

    /// Whether a real `kube-apiserver` answers.
    pub fn is_real(&self) -> bool {
        matches!(self.front.behind, Behind::Real(_))
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn log(&self) -> &Log {
        &self.front.log
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// Runs `hook` before the next request that matches is carried out: the other writer between
    /// somebody's read and write.
    pub fn before<F>(&self, which: Match, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut hooks = self.front.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.push((which, Box::new(move || hook().boxed())));
    }

    /// Cuts every connection that is open now, watches too.
    pub fn cut_connections(&self) {
        self.front.cut.send_modify(|it| *it += 1);
    }

    /// Forgets all history: older revisions and continue tokens are 410. In-process only.
    ///
    /// # Panics
    ///
    /// On a real API server.
    pub fn compact(&self) {
        self.ours().store().compact();
    }

    /// Ends every watch without a word. In-process only.
    ///
    /// # Panics
    ///
    /// On a real API server.
    pub fn close_watches(&self) {
        self.ours().store().close_watches();
    }

    /// Watches that are open. In-process only.
    ///
    /// # Panics
    ///
    /// On a real API server.
    pub fn watches(&self) -> usize {
        self.ours().store().watches()
    }

    /// Every token but the administrator's is refused from now on. In-process only; on both,
    /// [`Fault::Unauthorized`] does it for some requests.
    ///
    /// # Panics
    ///
    /// On a real API server.
    pub fn expire_tokens(&self) {
        self.ours().tokens().expire();
    }

    /// Puts objects there without requests: `apiVersion`, `kind`, `metadata` and the rest, with
    /// `status`. In-process only: for a cluster of thousands.
    ///
    /// # Panics
    ///
    /// On a real API server; when a kind is not served, or an object exists.
    pub fn seed(&self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
            self.ours().seed(&text("apiVersion"), &text("kind"), object);
        }
    }

    fn ours(&self) -> &Arc<server::State> {
        match &self.front.behind {
            Behind::Ours(state) => state,
            Behind::Real(_) => panic!("only the in-process API server can do this"),
        }
    }

    /// How a client reaches it with a token; `None`: without one.
    pub fn config(&self, token: Option<&str>) -> kube::Config {
        let url = self.url().parse().expect("an address makes a URL");
        let mut config = kube::Config::new(url);
        config.default_retry = false;
        config.auth_info.token = token.map(|it| it.to_owned().into());
        config
    }

    /// A client with a token.
    ///
    /// # Panics
    ///
    /// When no client can be made.
    pub fn client(&self, token: &str) -> kube::Client {
        kube::Client::try_from(self.config(Some(token))).expect("a client for a loopback URL")
    }

    /// A client that may do everything.
    pub fn admin(&self) -> kube::Client {
        self.client(auth::ADMIN)
    }

    /// A kubeconfig for a token.
    pub fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(&json!({"server": self.url()}), token)
    }

    /// A kubeconfig of the administrator for `kubectl`, which sends no token without TLS: past the
    /// log and the faults. `None`: in this process, where nothing speaks TLS.
    pub fn kubectl(&self) -> Option<String> {
        let Behind::Real(real) = &self.front.behind else { return None };
        let cluster = json!({"server": real.url(), "insecure-skip-tls-verify": true});
        Some(kubeconfig(&cluster, auth::ADMIN))
    }

    /// The token that may do everything, for [`Self::kubeconfig`].
    pub fn admin_token(&self) -> &'static str {
        auth::ADMIN
    }

    /// A token of a ServiceAccount, bound to a pod and so to its node where one is given.
    ///
    /// # Panics
    ///
    /// When account or pod do not exist.
    pub async fn token(&self, namespace: &str, account: &str, pod: Option<&str>) -> String {
        let mut spec = json!({"expirationSeconds": 3600});
        if let Some(pod) = pod {
            spec["boundObjectRef"] = json!({"kind": "Pod", "apiVersion": "v1", "name": pod});
        }
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let kind = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": spec});
        let answer = self.post(&path, &kind).await;
        let token = answer["status"]["token"].as_str();
        token.unwrap_or_else(|| panic!("no token for {account}: {answer}")).to_owned()
    }

    /// Creates an object as the administrator, with its `status` where it has one.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub async fn create(&self, object: &Value) -> Value {
        let path = self.path(object);
        if let Some(there) = self.namespace_of_an_earlier_test(&path, object).await {
            return there;
        }
        let created = self.post(&path, object).await;
        self.adopt(&created);
        if object["kind"] == "CustomResourceDefinition" {
            self.serve(object).await;
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let Some(status) = object.get("status") else { return created };
        let patch = json!({"status": status}).to_string().into_bytes();
        let request = http::Request::patch(format!("{path}/{name}/status"))
            .header("content-type", "application/merge-patch+json")
            .body(patch);
        self.send(request.expect("a path is a request")).await
    }

    /// Has an object that exists deleted before the next test, as if it came by [`Self::create`].
    ///
    /// # Panics
    ///
    /// When its kind is not served.
    pub fn adopt(&self, object: &Value) {
        if let Behind::Real(real) = &self.front.behind
            && object["kind"] != "Namespace"
        {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            real.created(format!("{}/{name}", self.path(object)));
        }
    }

    /// A real server keeps namespaces: no controller of ours would finish their deletion.
    async fn namespace_of_an_earlier_test(&self, path: &str, object: &Value) -> Option<Value> {
        if !self.is_real() || object["kind"] != "Namespace" {
            return None;
        }
        let name = object["metadata"]["name"].as_str()?;
        let request = http::Request::get(format!("{path}/{name}")).body(Vec::new()).ok()?;
        self.admin().request(request).await.ok()
    }

    /// Creates every object of a YAML stream, such as a manifest, as the administrator.
    ///
    /// # Panics
    ///
    /// When it does not parse, or the server refuses an object.
    pub async fn install(&self, yaml: &str) {
        let objects: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("a manifest is YAML");
        for object in objects.iter().filter(|it| !it.is_null()) {
            self.create(object).await;
        }
    }

    /// A CustomResourceDefinition without a schema, for [`Self::create`].
    pub fn definition(
        group: &str,
        kind: &str,
        plural: &str,
        scope: &str,
        versions: &[&str],
    ) -> Value {
        let versions: Vec<_> = versions
            .iter()
            .enumerate()
            .map(|(at, version)| {
                json!({"name": version, "served": true, "storage": at == 0,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object",
                        "x-kubernetes-preserve-unknown-fields": true}}})
            })
            .collect();
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {"group": group, "scope": scope, "versions": versions,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(),
                    "listKind": format!("{kind}List")}}})
    }

    /// Waits until a new definition is served; the real server takes a moment.
    async fn serve(&self, definition: &Value) {
        let added = types::from_definition(definition);
        for resource in &added {
            let path = format!("/apis/{}/{}", resource.api_version(), resource.plural);
            for _ in 0..200 {
                let request = http::Request::get(&path).body(Vec::new());
                let request = request.expect("a path is a request");
                if self.admin().request_text(request).await.is_ok() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        self.types.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
    }

    /// Where objects of this kind are created.
    fn path(&self, object: &Value) -> String {
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, version) = (&object["kind"], &object["apiVersion"]);
        let found = types.iter().find(|it| *kind == it.kind && *version == it.api_version());
        let resource = found.unwrap_or_else(|| panic!("{version} {kind} is not served"));
        let prefix = if resource.group.is_empty() { "/api" } else { "/apis" };
        let prefix = format!("{prefix}/{}", resource.api_version());
        if !resource.namespaced {
            return format!("{prefix}/{}", resource.plural);
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        format!("{prefix}/namespaces/{namespace}/{}", resource.plural)
    }

    async fn post(&self, path: &str, object: &Value) -> Value {
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes());
        self.send(request.expect("a path is a request")).await
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Value {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.admin().request::<Value>(request).await;
        answer.unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

fn kubeconfig(cluster: &Value, token: &str) -> String {
    let cluster = json!({"name": "test", "cluster": cluster});
    let user = json!({"name": "test", "user": {"token": token}});
    let context = json!({"name": "test", "context": {"cluster": "test", "user": "test"}});
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [cluster], "users": [user], "contexts": [context]});
    config.to_string()
}

/// Its own threads: a test that blocks does not stop the server.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name("apiserver").enable_all().build();
    runtime.expect("threads for the API server")
}
