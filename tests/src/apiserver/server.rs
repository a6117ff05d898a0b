//! The in-process API server: from a request to an answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde_json::{Value, json};

use super::auth::{self, Tokens};
use super::body::{self, Body};
use super::call::Call;
use super::discovery;
use super::listing;
use super::rbac::{self, Policy, Question, User};
use super::request::{self, Meaning, Query, Target};
use super::status::Refusal;
use super::store::Store;
use super::types::{self, Resource};
use super::write::Write;

/// Everything that the server knows.
#[derive(Debug)]
pub(super) struct State {
    store: Mutex<Store>,
    tokens: Mutex<Tokens>,
    types: RwLock<Vec<Arc<Resource>>>,
    /// The roles at one revision.
    policy: Mutex<(u64, Arc<Policy>)>,
}

impl State {
    pub(super) fn new() -> Arc<Self> {
        let state = Arc::new(Self {
            store: Mutex::default(),
            tokens: Mutex::default(),
            types: RwLock::new(types::built_in()),
            policy: Mutex::default(),
        });
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let object = json!({"metadata": {"name": name}});
            state.seed("v1", "Namespace", object);
        }
        state
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn types(&self) -> Vec<Arc<Resource>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts an object there without a request, as it would be after one.
    ///
    /// # Panics
    ///
    /// When its kind is not served, or it exists.
    pub(super) fn seed(&self, api_version: &str, kind: &str, object: Value) {
        let types = self.types();
        let resource = types.iter().find(|it| it.api_version() == api_version && it.kind == kind);
        let resource = resource.unwrap_or_else(|| panic!("{api_version} {kind} is not served"));
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (text("namespace"), text("name"));
        let status = object.get("status").cloned();
        let write = Write { resource, subresource: "", key: &key, manager: "seed", force: false };
        let mut new = write.created(object).expect("what is seeded is valid");
        if let Some(status) = status {
            new["status"] = status;
        }
        let stored = self.store().commit(resource.shelf(), &key, None, Some(new));
        stored.unwrap_or_else(|()| panic!("{kind} {key:?} exists"));
        self.after_commit(resource);
    }

    pub(super) fn policy(&self, store: &Store) -> Arc<Policy> {
        let mut policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        if policy.0 != store.policy_revision {
            *policy = (store.policy_revision, Arc::new(Policy::of(store)));
        }
        Arc::clone(&policy.1)
    }

    /// A CustomResourceDefinition changes what is served.
    pub(super) fn after_commit(&self, resource: &Resource) {
        if resource.plural != "customresourcedefinitions" {
            return;
        }
        let definitions = self.store().list(resource.shelf(), None, &Default::default());
        let custom = definitions.iter().flat_map(|it| types::from_definition(&it.value()));
        let all = types::built_in().into_iter().chain(custom).collect();
        *self.types.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

/// A request that was read, and who sent it.
pub(super) struct Request {
    pub parts: Parts,
    pub body: Bytes,
}

/// Answers one request.
pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response<Body> {
    let user = {
        let store = state.store();
        let policy = state.policy(&store);
        auth::user(&request.parts, &state.tokens(), &store, &policy)
    };
    let user = match user {
        Ok(user) => user,
        Err(refusal) => return body::refusal(&refusal),
    };
    let answer = match request::meaning(request.parts.uri.path()) {
        Meaning::Other => other(state, request, &user),
        Meaning::Resource(target) => resource(state, request, &user, &target),
    };
    answer.unwrap_or_else(|it| body::refusal(&it))
}

pub(super) fn authorize(state: &State, user: &User, question: &Question) -> Result<(), Refusal> {
    let policy = state.policy(&state.store());
    if policy.allows(user, question) {
        return Ok(());
    }
    Err(Refusal::new(403, "Forbidden", rbac::forbidden(user, question)))
}

fn other(state: &State, request: &Request, user: &User) -> Result<Response<Body>, Refusal> {
    let path = request.parts.uri.path();
    let verb = request.parts.method.as_str().to_lowercase();
    authorize(state, user, &Question { verb, path: path.into(), ..Question::default() })?;
    if matches!(path, "/healthz" | "/livez" | "/readyz") {
        return Ok(Response::new(body::whole("ok")));
    }
    let accept = request::header(&request.parts, "accept");
    let value = discovery::answer(path, accept, &state.types());
    let value = value.ok_or_else(Refusal::no_such_path)?;
    let mut response = body::value(200, &value);
    if value["kind"] == "APIGroupDiscoveryList" {
        let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let kind = http::HeaderValue::from_static(kind);
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

fn resource(
    state: &Arc<State>,
    request: &Request,
    user: &User,
    target: &Target,
) -> Result<Response<Body>, Refusal> {
    let query = Query::parse(request.parts.uri.query().unwrap_or_default());
    let verb = request::verb(&request.parts.method, target, &query);
    let question = question(verb, target);
    authorize(state, user, &question)?;
    let resource = served(state, target)?;
    let call = Call { state, request, user, target, query, resource };
    match verb {
        "get" => call.get(),
        "list" => {
            let form = request::form(&request.parts);
            let namespace = target.namespace.as_deref();
            listing::list(state, &call.resource, namespace, &call.query, form)
        }
        "watch" => {
            let form = request::form(&request.parts);
            let (namespace, name) = (target.namespace.as_deref(), target.name.as_deref());
            listing::watch(state, &call.resource, namespace, name, &call.query, form)
        }
        "create" => call.create(),
        "update" | "patch" => call.change(verb),
        "delete" => call.delete(),
        "deletecollection" => call.delete_all(),
        _ => Err(Refusal::new(405, "MethodNotAllowed", "the method is not allowed")),
    }
}

pub(super) fn question(verb: &str, target: &Target) -> Question {
    let Target { group, plural, namespace, name, subresource, .. } = target.clone();
    Question {
        verb: verb.into(),
        group,
        resource: plural,
        subresource: subresource.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        name: name.unwrap_or_default(),
        path: String::new(),
    }
}

fn served(state: &State, target: &Target) -> Result<Arc<Resource>, Refusal> {
    let Target { group, version, plural, namespace, name, subresource } = target;
    let types = state.types();
    let found = types
        .iter()
        .find(|it| it.group == *group && it.version == *version && it.plural == *plural)
        .filter(|it| subresource.as_ref().is_none_or(|sub| it.has(sub)))
        // A cluster-wide resource has no namespace; a namespaced object needs one.
        .filter(|it| it.namespaced || namespace.is_none())
        .filter(|it| !it.namespaced || namespace.is_some() || name.is_none());
    found.cloned().ok_or_else(Refusal::no_such_path)
}
