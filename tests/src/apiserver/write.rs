//! Create, update, patch and delete: from what the client sent to what is stored.

use std::time::SystemTime;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::admission;
use super::apply::{self, Applier, Reset};
use super::managers::{self, Manager, Operation};
use super::object::Key;
use super::patch::{self, PatchKind};
use super::schema::Schema;
use super::status::Refusal;
use super::types::Resource;

/// One write to one object, without what is stored now.
pub(super) struct Write<'a> {
    pub resource: &'a Resource,
    pub subresource: &'a str,
    pub key: &'a Key,
    /// `fieldManager`, or what the user agent says.
    pub manager: &'a str,
    pub force: bool,
}

/// How an object is changed.
pub(super) enum Change<'a> {
    /// The whole object is given.
    Replace(&'a Value),
    Patch(PatchKind, &'a [u8]),
}

impl Write<'_> {
    /// The new version of `live`; `None` of `live`: it does not exist yet.
    ///
    /// # Errors
    ///
    /// What the API server refuses.
    pub(super) fn changed(&self, live: Option<&Value>, by: &Change<'_>) -> Result<Value, Refusal> {
        match (by, live) {
            (Change::Patch(PatchKind::Apply, body), live) => self.applied(live, body),
            (Change::Replace(new), Some(live)) => self.updated(live, (*new).clone()),
            (Change::Patch(kind, body), Some(live)) => {
                let new = self.patched(live, *kind, body)?;
                self.check_patched(live, &new)?;
                self.updated(live, new)
            }
            (_, None) => Err(self.not_found()),
        }
    }

    /// A new object.
    ///
    /// # Errors
    ///
    /// What the API server refuses.
    pub(super) fn created(&self, mut new: Value) -> Result<Value, Refusal> {
        let (mut managers, mut times) = managers::take(&mut new);
        // What a client says of ownership in a new object counts for nothing.
        managers.clear();
        times.clear();
        let now = now();
        self.name_and_date(&mut new, &now);
        admission::on_create(self.resource, &mut new);
        admission::normalise(self.resource, &mut new);
        admission::validate(self.resource, &new)?;
        let me = self.me(Operation::Update);
        if apply::update(&self.schema(), &[], &json!({}), &new, &me, &mut managers) {
            times.insert(me, now);
        }
        managers::put(&mut new, &managers, &times);
        Ok(new)
    }

    fn name_and_date(&self, new: &mut Value, now: &str) {
        let metadata = &mut new["metadata"];
        metadata["name"] = self.key.1.as_str().into();
        if !self.key.0.is_empty() {
            metadata["namespace"] = self.key.0.as_str().into();
        }
        metadata["uid"] = uid().into();
        metadata["creationTimestamp"] = now.into();
        if self.has_generation() {
            metadata["generation"] = 1.into();
        }
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("deletionTimestamp");
        }
    }

    fn has_generation(&self) -> bool {
        let Resource { group, plural, custom, .. } = self.resource;
        *custom || matches!(group.as_str(), "apps" | "networking.k8s.io") || plural == "pods"
    }

    fn patched(&self, live: &Value, kind: PatchKind, body: &[u8]) -> Result<Value, Refusal> {
        if kind == PatchKind::Json {
            return patch::json(live, body);
        }
        let patch: Value = serde_json::from_slice(body)
            .map_err(|it| Refusal::bad_request(format!("error decoding patch: {it}")))?;
        if kind == PatchKind::Merge {
            return Ok(patch::merge(live, &patch));
        }
        if self.resource.custom {
            let message = "the body of the request was in an unknown format - accepted media \
                           types include: application/json-patch+json, \
                           application/merge-patch+json, application/apply-patch+yaml";
            return Err(Refusal::unsupported(message));
        }
        Ok(patch::strategic(&self.schema(), live, &patch))
    }

    fn updated(&self, live: &Value, mut new: Value) -> Result<Value, Refusal> {
        self.check_identity(live, &new)?;
        // A patch carries them along, an update may leave them out: the stored ones count.
        managers::take(&mut new);
        self.finish(live, &mut new)?;
        let mut before = live.clone();
        let (mut managers, mut times) = managers::take(&mut before);
        let me = self.me(Operation::Update);
        let (schema, reset) = (self.schema(), self.reset());
        if apply::update(&schema, reset, &before, &new, &me, &mut managers) {
            times.insert(me, now());
        }
        managers::put(&mut new, &managers, &times);
        Ok(new)
    }

    fn applied(&self, live: Option<&Value>, body: &[u8]) -> Result<Value, Refusal> {
        let config = config(body)?;
        if self.manager.is_empty() {
            let message = "metadata.managedFields: fieldManager is required for apply patch";
            return Err(Refusal::invalid("PatchOptions", "", "fieldManager", message));
        }
        if !config["metadata"]["managedFields"].is_null() {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        if config["apiVersion"] != self.resource.api_version() {
            let message = "Incorrect version specified in apply patch";
            return Err(Refusal::bad_request(message));
        }
        let Some(live) = live else {
            if !self.subresource.is_empty() {
                return Err(self.not_found());
            }
            let mut new = json!({});
            self.merge_config(&mut new, &config)?;
            return Ok(new);
        };
        self.check_patched(live, &config)?;
        self.check_identity(live, &config)?;
        let mut new = live.clone();
        self.merge_config(&mut new, &config)?;
        Ok(new)
    }

    /// Who names a uid means an object that there was: it is not made anew (`applyPatch` of
    /// `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`).
    ///
    /// # Errors
    ///
    /// The conflict.
    pub(super) fn check_absent(&self, by: &Change<'_>) -> Result<(), Refusal> {
        let Change::Patch(PatchKind::Apply, body) = by else { return Ok(()) };
        let config = config(body)?;
        let Some(uid) = config["metadata"]["uid"].as_str().filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        let Resource { group, plural, .. } = self.resource;
        let mut refusal = Refusal::conflict(group, plural, &self.key.1);
        refusal.message = format!(
            "{}: uid mismatch: the provided object specified uid {uid}, and no existing object was found",
            refusal.message
        );
        Err(refusal)
    }

    /// Applies `config` to `object`; on an empty one this creates it.
    fn merge_config(&self, object: &mut Value, config: &Value) -> Result<(), Refusal> {
        let is_new = object.get("metadata").is_none();
        let live = object.clone();
        let (mut managers, mut times) = managers::take(object);
        let schema = self.schema();
        let me = self.me(Operation::Apply);
        let reset = self.reset();
        let applier = Applier { schema: &schema, reset, manager: &me, force: self.force };
        let before = managers.clone();
        let merged = applier.apply(object, config, &mut managers).map_err(|conflicts| {
            let (message, causes) = apply::describe(&conflicts);
            let mut refusal = Refusal::new(409, "Conflict", message);
            refusal.details = Some(json!({"causes": causes}));
            refusal
        })?;
        let changed = merged != *object || managers != before;
        *object = merged;
        let now = now();
        if is_new {
            self.name_and_date(object, &now);
            admission::on_create(self.resource, object);
            admission::normalise(self.resource, object);
            admission::validate(self.resource, object)?;
        } else {
            self.finish(&live, object)?;
        }
        if changed {
            times.insert(me, now);
        }
        managers::put(object, &managers, &times);
        Ok(())
    }

    /// What the API server does with every new version of an object.
    fn finish(&self, live: &Value, new: &mut Value) -> Result<(), Refusal> {
        // The type is that of the path; it is not stored.
        if let Some(new) = new.as_object_mut() {
            new.remove("kind");
            new.remove("apiVersion");
        }
        for field in ["uid", "creationTimestamp", "name", "namespace", "generation"] {
            let old = live["metadata"].get(field).cloned();
            let Some(metadata) = new["metadata"].as_object_mut() else { continue };
            match old {
                Some(old) => drop(metadata.insert(field.into(), old)),
                None => drop(metadata.remove(field)),
            }
        }
        for field in self.reset() {
            match live.get(field) {
                Some(old) => new[field] = old.clone(),
                None => drop(new.as_object_mut().and_then(|it| it.remove(*field))),
            }
        }
        admission::normalise(self.resource, new);
        if self.has_generation() && live.get("spec") != new.get("spec") {
            let generation = live["metadata"]["generation"].as_u64().unwrap_or(0);
            new["metadata"]["generation"] = (generation + 1).into();
        }
        admission::validate(self.resource, new)
    }

    /// A patch that names another uid would change it; an update that does names another object.
    fn check_patched(&self, live: &Value, new: &Value) -> Result<(), Refusal> {
        let uid = new["metadata"]["uid"].as_str().filter(|it| !it.is_empty());
        if uid.is_none_or(|it| Some(it) == live["metadata"]["uid"].as_str()) {
            return Ok(());
        }
        let why = "Invalid value: field is immutable";
        Err(Refusal::invalid(&self.resource.kind, &self.key.1, "metadata.uid", why))
    }

    /// Name, uid and revision must be those of the live object, where they are given.
    fn check_identity(&self, live: &Value, new: &Value) -> Result<(), Refusal> {
        let Resource { group, plural, kind, .. } = self.resource;
        let (_, name) = self.key;
        let given = |field: &str| new["metadata"][field].as_str().filter(|it| !it.is_empty());
        if given("name").is_some_and(|it| it != name) {
            let message = "the name of the object does not match the name on the URL";
            return Err(Refusal::bad_request(message));
        }
        let differs = |field: &str| {
            given(field).is_some_and(|it| Some(it) != live["metadata"][field].as_str())
        };
        if differs("uid") {
            let message = "Precondition failed: UID in precondition differs";
            let mut refusal = Refusal::conflict(group, plural, name);
            refusal.message = format!("{}: {message}", refusal.message);
            return Err(refusal);
        }
        if differs("resourceVersion") {
            return Err(Refusal::conflict(group, plural, name));
        }
        if plural == "leases" && given("resourceVersion").is_none() && new["kind"] == "Lease" {
            let why = "must be specified for an update";
            return Err(Refusal::invalid(kind, name, "metadata.resourceVersion", why));
        }
        Ok(())
    }

    /// Top-level fields that this (sub)resource does not write.
    fn reset(&self) -> Reset {
        let Resource { custom, .. } = self.resource;
        match self.subresource {
            "status" if *custom => &["spec"],
            "status" => &["spec"],
            _ if self.resource.has("status") => &["status"],
            _ => &[],
        }
    }

    fn schema(&self) -> Schema {
        let (group, plural) = self.resource.shelf();
        Schema::of(group, plural)
    }

    fn me(&self, operation: Operation) -> Manager {
        Manager {
            name: self.manager.to_owned(),
            operation,
            subresource: self.subresource.to_owned(),
            api_version: self.resource.api_version(),
        }
    }

    fn not_found(&self) -> Refusal {
        let Resource { group, plural, .. } = self.resource;
        Refusal::not_found(group, plural, &self.key.1)
    }
}

/// An applied configuration: JSON is YAML, and it is what kube-rs sends.
fn config(body: &[u8]) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(body).map_err(|it| Refusal::bad_request(it.to_string()))?;
    let parsed = serde_json::from_str(text).or_else(|_| serde_saphyr::from_str(text));
    parsed.map_err(|it| Refusal::bad_request(format!("error decoding YAML: {it}")))
}

/// Whether two versions differ in more than the times of `managedFields`.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    let (mut a, mut b) = (a.clone(), b.clone());
    let (a_managers, _) = managers::take(&mut a);
    let (b_managers, _) = managers::take(&mut b);
    a == b && a_managers == b_managers
}

/// Now, as `metav1.Time` writes it: whole seconds, UTC.
pub(super) fn now() -> String {
    let now = Timestamp::try_from(SystemTime::now()).expect("the clock is in this era");
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random UUID.
pub(super) fn uid() -> String {
    let bytes = random();
    let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Sixteen bytes nobody has seen before.
pub(super) fn random() -> [u8; 16] {
    use std::hash::{BuildHasher as _, RandomState};
    // A fresh state is keyed with randomness of the system; no dependency for a test server.
    let half = || RandomState::new().hash_one(SystemTime::now()).to_ne_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    bytes
}
