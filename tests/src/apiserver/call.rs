//! One request to one resource: get, create, update, patch, delete.

use std::sync::Arc;

use http::Response;
use serde_json::{Value, json};

use super::body::{self, Body};
use super::listing::{self, Look};
use super::object::{Key, Stored};
use super::patch::PatchKind;
use super::rbac::User;
use super::request::{self, Query, Target};
use super::server::{Request, State, authorize, question};
use super::status::Refusal;
use super::types::Resource;
use super::write::{self, Change, Write};
use super::{events, reviews};

/// How often a write that met another one is tried again, as the real server does for patches
/// without a `resourceVersion`.
const TRIES: usize = 5;

/// One request to one resource.
pub(super) struct Call<'a> {
    pub state: &'a Arc<State>,
    pub request: &'a Request,
    pub user: &'a User,
    pub target: &'a Target,
    pub query: Query,
    pub resource: Arc<Resource>,
}

impl Call<'_> {
    fn key(&self) -> Key {
        let Target { namespace, name, .. } = self.target;
        (namespace.clone().unwrap_or_default(), name.clone().unwrap_or_default())
    }

    fn not_found(&self) -> Refusal {
        let Resource { group, plural, .. } = &*self.resource;
        Refusal::not_found(group, plural, &self.key().1)
    }

    fn live(&self) -> Result<Arc<Stored>, Refusal> {
        let found = self.state.store().get(self.resource.shelf(), &self.key());
        found.ok_or_else(|| self.not_found())
    }

    fn show(&self, code: u16, object: &Stored) -> Response<Body> {
        let mut out = Vec::with_capacity(object.size());
        let look = Look { form: request::form(&self.request.parts), typed: true };
        listing::render(&mut out, &self.resource, object, look);
        body::json(code, out)
    }

    pub(super) fn get(&self) -> Result<Response<Body>, Refusal> {
        Ok(self.show(200, &*self.live()?))
    }

    fn parse(&self) -> Result<Value, Refusal> {
        let parsed: Value = serde_json::from_slice(&self.request.body)
            .map_err(|it| Refusal::bad_request(format!("the body is no JSON object: {it}")))?;
        if !parsed.is_object() {
            return Err(Refusal::bad_request("the body is no JSON object"));
        }
        Ok(parsed)
    }

    fn is_dry(&self) -> bool {
        self.query.get("dryRun") == Some("All")
    }

    pub(super) fn create(&self) -> Result<Response<Body>, Refusal> {
        let sent = self.parse()?;
        if self.resource.is_review() {
            let store = self.state.store();
            let (tokens, policy) = (self.state.tokens(), self.state.policy(&store));
            let context = (&*tokens, &*store, &*policy);
            let answer = reviews::answer(&self.resource.kind, &sent, self.user, context);
            return Ok(body::value(201, &answer));
        }
        if self.target.subresource.as_deref() == Some("token") {
            self.live()?;
            let (namespace, name) = self.key();
            let store = self.state.store();
            let issued = self.state.tokens().issue(&store, (&namespace, &name), &sent)?;
            return Ok(body::value(201, &issued));
        }
        let key = self.new_key(&sent)?;
        let new = self.write(&key).created(events::stored(&self.resource, sent))?;
        let Resource { group, plural, .. } = &*self.resource;
        if self.state.store().get(self.resource.shelf(), &key).is_some() {
            return Err(Refusal::already_exists(group, plural, &key.1));
        }
        if self.is_dry() {
            return Ok(self.show(201, &Stored::new(new, 0)));
        }
        let stored = self.state.store().commit(self.resource.shelf(), &key, None, Some(new));
        let stored = stored.map_err(|()| Refusal::already_exists(group, plural, &key.1))?;
        self.state.after_commit(&self.resource);
        Ok(self.show(201, &stored))
    }

    /// Name and namespace of a new object.
    fn new_key(&self, sent: &Value) -> Result<Key, Refusal> {
        let metadata = &sent["metadata"];
        let namespace = self.target.namespace.clone().unwrap_or_default();
        if metadata["namespace"].as_str().is_some_and(|it| !it.is_empty() && it != namespace) {
            let message = "the namespace of the provided object does not match the namespace \
                           sent on the request";
            return Err(Refusal::bad_request(message));
        }
        if !namespace.is_empty() {
            let key = (String::new(), namespace.clone());
            let found = self.state.store().get(("", "namespaces"), &key);
            found.ok_or_else(|| Refusal::not_found("", "namespaces", &namespace))?;
        }
        let given = metadata["name"].as_str().filter(|it| !it.is_empty());
        let prefix = metadata["generateName"].as_str();
        let name = match (given, prefix) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => format!("{prefix}{}", &write::uid()[..5]),
            (None, None) => {
                let kind = &self.resource.kind;
                let why = "Required value: name or generateName is required";
                return Err(Refusal::invalid(kind, "", "metadata.name", why));
            }
        };
        Ok((namespace, name))
    }

    fn write<'a>(&'a self, key: &'a Key) -> Write<'a> {
        let agent = request::header(&self.request.parts, "user-agent");
        let agent = agent.split('/').next().filter(|it| !it.is_empty()).unwrap_or("unknown");
        let given = self.query.get("fieldManager");
        // An apply must name its manager; every other write has one all the same.
        let is_apply = self.patch_kind().is_ok_and(|it| it == PatchKind::Apply);
        Write {
            resource: &self.resource,
            subresource: self.target.subresource.as_deref().unwrap_or_default(),
            key,
            manager: given.unwrap_or(if is_apply { "" } else { agent }),
            force: self.query.is_true("force"),
        }
    }

    fn patch_kind(&self) -> Result<PatchKind, Refusal> {
        PatchKind::of(request::header(&self.request.parts, "content-type"))
    }

    pub(super) fn change(&self, verb: &str) -> Result<Response<Body>, Refusal> {
        if self.resource.is_review() {
            return Err(Refusal::new(405, "MethodNotAllowed", "a review is only created"));
        }
        let sent = match verb {
            "update" => Some(events::stored(&self.resource, self.parse()?)),
            _ => None,
        };
        let change = match &sent {
            Some(sent) => Change::Replace(sent),
            None => Change::Patch(self.patch_kind()?, &self.request.body),
        };
        for _ in 0..TRIES {
            if let Some(response) = self.try_change(&change)? {
                return Ok(response);
            }
            // A client that named the revision that it saw is told; any other write is repeated.
        }
        let Resource { group, plural, .. } = &*self.resource;
        Err(Refusal::conflict(group, plural, &self.key().1))
    }

    /// `None`: somebody else wrote in between.
    fn try_change(&self, change: &Change<'_>) -> Result<Option<Response<Body>>, Refusal> {
        let key = self.key();
        let live = self.state.store().get(self.resource.shelf(), &key);
        if live.is_none() {
            self.write(&key).check_absent(change)?;
            self.may_create_by_apply(change)?;
        }
        let before = live.as_ref().map(|it| events::shown(&self.resource, it.value()));
        let new = self.write(&key).changed(before.as_ref(), change)?;
        let code = if live.is_some() { 200 } else { 201 };
        if let (Some(live), Some(before)) = (&live, &before)
            && write::is_same(before, &new)
        {
            return Ok(Some(self.show(code, live)));
        }
        if self.is_dry() {
            let revision = live.map_or(0, |it| it.revision);
            return Ok(Some(self.show(code, &Stored::new(new, revision))));
        }
        let new = events::stored(&self.resource, new);
        let expected = live.map(|it| it.revision);
        // The last finalizer of an object that is being deleted takes it along.
        let metadata = &new["metadata"];
        let gone = !metadata["deletionTimestamp"].is_null()
            && metadata["finalizers"].is_null()
            && metadata["deletionGracePeriodSeconds"].as_u64().unwrap_or(0) == 0;
        let new = (!gone).then_some(new);
        let stored = self.state.store().commit(self.resource.shelf(), &key, expected, new);
        let Ok(stored) = stored else { return Ok(None) };
        self.state.after_commit(&self.resource);
        Ok(Some(self.show(code, &stored)))
    }

    /// To apply what does not exist is to create it, and asks for that right.
    fn may_create_by_apply(&self, change: &Change<'_>) -> Result<(), Refusal> {
        if !matches!(change, Change::Patch(PatchKind::Apply, _)) {
            return Err(self.not_found());
        }
        authorize(self.state, self.user, &question("create", self.target))?;
        let Some(namespace) = &self.target.namespace else { return Ok(()) };
        let key = (String::new(), namespace.clone());
        let found = self.state.store().get(("", "namespaces"), &key);
        found.map(drop).ok_or_else(|| Refusal::not_found("", "namespaces", namespace))
    }

    pub(super) fn delete(&self) -> Result<Response<Body>, Refusal> {
        let options: Value = serde_json::from_slice(&self.request.body).unwrap_or_default();
        for _ in 0..TRIES {
            let live = self.live()?;
            if let Some(response) = self.try_delete(&live, &options)? {
                return Ok(response);
            }
        }
        Err(Refusal::conflict(&self.resource.group, &self.resource.plural, &self.key().1))
    }

    fn try_delete(
        &self,
        live: &Arc<Stored>,
        options: &Value,
    ) -> Result<Option<Response<Body>>, Refusal> {
        let mut object = live.value();
        let wanted = &options["preconditions"];
        let metadata = &object["metadata"];
        for field in ["uid", "resourceVersion"] {
            if !wanted[field].is_null() && wanted[field] != metadata[field] {
                let Resource { group, plural, .. } = &*self.resource;
                return Err(Refusal::conflict(group, plural, &live.key.1));
            }
        }
        let grace = self.grace(&object, options);
        let waits = grace > 0 || !metadata["finalizers"].is_null();
        let details = json!({"name": live.key.1, "kind": self.resource.plural,
            "group": self.resource.group, "uid": metadata["uid"]});
        if waits && !metadata["deletionTimestamp"].is_null() {
            return Ok(Some(self.show(200, live)));
        }
        let new = waits.then(|| {
            object["metadata"]["deletionTimestamp"] = write::now().into();
            object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
            object
        });
        let mut store = self.state.store();
        let key = &live.key;
        let Ok(stored) = store.commit(self.resource.shelf(), key, Some(live.revision), new) else {
            return Ok(None);
        };
        drop(store);
        self.state.after_commit(&self.resource);
        if waits || self.resource.plural == "pods" {
            return Ok(Some(self.show(200, &stored)));
        }
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success", "details": details});
        Ok(Some(body::value(200, &status)))
    }

    /// Seconds that a pod on a node has to stop; everything else goes at once.
    fn grace(&self, object: &Value, options: &Value) -> u64 {
        if self.resource.plural != "pods" || object["spec"]["nodeName"].is_null() {
            return 0;
        }
        let asked = options["gracePeriodSeconds"].as_u64();
        let asked = asked.or(object["spec"]["terminationGracePeriodSeconds"].as_u64());
        asked.unwrap_or(30)
    }

    pub(super) fn delete_all(&self) -> Result<Response<Body>, Refusal> {
        let (labels, fields) = (self.query.get("labelSelector"), self.query.get("fieldSelector"));
        let supported = |field: &str| self.resource.selects(field);
        let selector = super::selector::Selector::parse(labels, fields, supported)?;
        let namespace = self.target.namespace.as_deref();
        let found = self.state.store().list(self.resource.shelf(), namespace, &selector);
        for object in found {
            self.try_delete(&object, &json!({}))?;
        }
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success"});
        Ok(body::value(200, &status))
    }
}
