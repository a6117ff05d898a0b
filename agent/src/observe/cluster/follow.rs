//! Watching: objects as they change, trimmed as they come.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _};
use kube::Client;
use kube::api::{Api, ApiResource, ObjectMeta};
use kube::core::{DynamicResourceScope, Resource};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::failure::failure;
use super::kinds::Selection;
use crate::facts::cluster::meta::Named;
use crate::facts::cluster::text::{Interner, Trim};
use crate::facts::cluster::{Meta, Text};
use crate::facts::{Cause, Failure};
use crate::observe::node_api::Patience;

/// What a watch says.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// These are all of them: at the beginning, and when the watch had to begin anew.
    All(Vec<T>),
    /// This one is new or changed.
    Set(T),
    /// The one of this namespace and name is gone.
    Gone(Text, Text),
    /// The watch broke; it is taken up again, and what was seen stays as it is.
    Broken(Failure),
}

/// Follows what is selected, for ever, as far as it is `wanted`. `kind` is Kubernetes' name of it:
/// `Node`, `Pod`; `interner` knows the prefix of our keys.
pub fn follow<T>(
    client: Client,
    (selection, kind): (&Selection, &str),
    interner: Arc<Mutex<Interner>>,
    wanted: fn(&T) -> bool,
) -> impl Stream<Item = Change<T>> + Send + use<T>
where
    T: DeserializeOwned + Clone + std::fmt::Debug + Named + Trim + Send + Sync + 'static,
{
    let path = selection.path.clone();
    let plural = path.rsplit('/').next().unwrap_or_default().to_owned();
    let namespace = selection.namespace().map(str::to_owned);
    let resource = ApiResource {
        group: String::new(),
        version: "v1".into(),
        api_version: "v1".into(),
        kind: kind.to_owned(),
        plural,
    };
    let api: Api<Watched<T>> = match namespace {
        Some(namespace) => Api::namespaced_with(client, &namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let mut config = watcher::Config::default().page_size(selection.page);
    if !selection.labels.is_empty() {
        config = config.labels(selection.labels);
    }
    if !selection.fields.is_empty() {
        config = config.fields(selection.fields);
    }
    let mut state = State { interner, wanted, listed: Vec::new() };
    watch(api, config).backoff(Patience::default()).filter_map(move |event| {
        let change = match event {
            Ok(event) => state.take(event),
            Err(error) => Some(Change::Broken(broken(&path, &error))),
        };
        futures::future::ready(change)
    })
}

struct State<T> {
    interner: Arc<Mutex<Interner>>,
    wanted: fn(&T) -> bool,
    /// What a list that is not complete yet has brought.
    listed: Vec<T>,
}

impl<T: Named + Trim> State<T> {
    fn take(&mut self, event: Event<Watched<T>>) -> Option<Change<T>> {
        match event {
            Event::Init => {
                self.listed = Vec::new();
                None
            }
            Event::InitApply(it) => {
                if (self.wanted)(&it.object) {
                    let it = self.trimmed(it);
                    self.listed.push(it);
                }
                None
            }
            Event::InitDone => Some(Change::All(std::mem::take(&mut self.listed))),
            Event::Apply(it) if !(self.wanted)(&it.object) => Some(gone(&it)),
            Event::Apply(it) => Some(Change::Set(self.trimmed(it))),
            Event::Delete(it) => Some(gone(&it)),
        }
    }

    fn trimmed(&mut self, watched: Watched<T>) -> T {
        let mut object = watched.object;
        object.trim(&mut self.interner.lock().unwrap_or_else(PoisonError::into_inner));
        object
    }
}

fn gone<T: Named>(watched: &Watched<T>) -> Change<T> {
    let Meta { namespace, name, .. } = watched.object.meta();
    Change::Gone(namespace.clone(), name.clone())
}

fn broken(path: &str, error: &watcher::Error) -> Failure {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => failure(path, error),
        other => Failure::new(Cause::Io, format!("{path}: {other}")),
    }
}

/// An object of ours with the little that a watch needs to know of it.
#[derive(Debug, Clone)]
struct Watched<T> {
    meta: ObjectMeta,
    object: T,
}

impl<'de, T: Deserialize<'de> + Named> Deserialize<'de> for Watched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = T::deserialize(deserializer)?;
        let Meta { name, namespace, resource_version, .. } = object.meta();
        let text = |it: &Text| Some(it.to_string()).filter(|it| !it.is_empty());
        let meta = ObjectMeta {
            name: text(name),
            namespace: text(namespace),
            resource_version: text(resource_version),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, object })
    }
}

impl<T> Resource for Watched<T> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
