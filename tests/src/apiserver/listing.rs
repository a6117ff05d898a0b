//! Lists in pages, and watches.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/>

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::body::{self, Body, BodyError};
use super::events;
use super::object::{Form, Stored};
use super::request::Query;
use super::selector::Selector;
use super::server::State;
use super::status::Refusal;
use super::store::{Change, Page, Watch};
use super::types::Resource;

/// How often a watch that asked for bookmarks gets one, as in the real server.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// A bookmark comes this long before a watch ends by its `timeoutSeconds`.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// Items that one piece of a list body holds.
const PIECE: usize = 64;

/// One object as `resource` shows it.
pub(super) fn render(out: &mut Vec<u8>, resource: &Resource, object: &Stored, look: Look) {
    let Look { form, typed } = look;
    let api_version = resource.api_version();
    let kind = if typed || form == Form::Metadata { resource.kind.as_str() } else { "" };
    if form == Form::Full && events::are_renamed(resource) {
        let mut value = events::shown(resource, object.value());
        if typed {
            value["kind"] = resource.kind.as_str().into();
            value["apiVersion"] = api_version.into();
        }
        out.extend_from_slice(value.to_string().as_bytes());
        return;
    }
    object.write(out, form, kind, &api_version);
}

/// How an object is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub form: Form,
    /// With kind and API version; the items of a list of a built-in type have none.
    pub typed: bool,
}

/// Answers a list.
///
/// # Errors
///
/// A selector that is none; a continue token that is too old.
pub(super) fn list(
    state: &State,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    query: &Query,
    form: Form,
) -> Result<Response<Body>, Refusal> {
    let selector = selector(resource, query)?;
    let limit = query.number("limit")?.filter(|it| *it > 0);
    let limit = limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
    let (number, page, from) = match query.get("continue") {
        Some(token) => resumed(state, token)?,
        None => {
            let store = state.store();
            check_revision(query, store.revision)?;
            let items = store.list(resource.shelf(), namespace, &selector);
            (None, Page { revision: store.revision, items: Arc::new(items) }, 0)
        }
    };
    let to = page.items.len().min(from.saturating_add(limit));
    let rest = page.items.len() - to;
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if rest > 0 {
        let number = number.unwrap_or_else(|| state.store().keep(page.clone()));
        metadata["continue"] = token(number, to).into();
        // The real server counts only what no selector hides.
        if selector.is_empty() {
            metadata["remainingItemCount"] = rest.into();
        }
    } else if let Some(number) = number {
        state.store().finish(number);
    }
    Ok(streamed(pieces(resource, form, &metadata, page.items, from..to)))
}

fn check_revision(query: &Query, newest: u64) -> Result<(), Refusal> {
    let Some(wanted) = query.number("resourceVersion")? else { return Ok(()) };
    if wanted > newest {
        let message = format!("Too large resource version: {wanted}, current: {newest}");
        return Err(Refusal::new(504, "Timeout", message));
    }
    if query.get("resourceVersionMatch") == Some("Exact") && wanted < newest {
        let message = format!("The provided resource version is too old: {wanted}");
        return Err(Refusal::expired(message));
    }
    Ok(())
}

fn token(number: u64, from: usize) -> String {
    URL_SAFE_NO_PAD.encode(json!({"page": number, "from": from}).to_string())
}

fn resumed(state: &State, token: &str) -> Result<(Option<u64>, Page, usize), Refusal> {
    let invalid = || Refusal::bad_request("continue key is not valid");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    let number = token["page"].as_u64().ok_or_else(invalid)?;
    let from = token["from"].as_u64().and_then(|it| usize::try_from(it).ok());
    let from = from.ok_or_else(invalid)?;
    let page = state.store().page(number).ok_or_else(|| {
        Refusal::expired(
            "The provided continue parameter is too old to display a consistent list result. \
             You must start a new list without the continue parameter.",
        )
    })?;
    Ok((Some(number), page, from))
}

/// The body of a list, a piece at a time: a hundred thousand pods are never one buffer.
fn pieces(
    resource: &Arc<Resource>,
    form: Form,
    metadata: &Value,
    items: Arc<Vec<Arc<Stored>>>,
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = Bytes> + Send + use<> {
    let (kind, api_version) = match form {
        Form::Full => (format!("{}List", resource.kind), resource.api_version()),
        Form::Metadata => ("PartialObjectMetadataList".into(), "meta.k8s.io/v1".into()),
    };
    let head = format!(
        "{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":["
    );
    let resource = Arc::clone(resource);
    let look = Look { form, typed: resource.custom };
    let starts = range.clone().step_by(PIECE);
    let pieces = starts.map(move |start| {
        let mut out = Vec::new();
        for at in start..range.end.min(start + PIECE) {
            if at > range.start {
                out.push(b',');
            }
            render(&mut out, &resource, &items[at], look);
        }
        Bytes::from(out)
    });
    std::iter::once(Bytes::from(head)).chain(pieces).chain([Bytes::from_static(b"]}\n")])
}

fn streamed(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    let frames = stream::iter(pieces.map(|it| Ok::<_, BodyError>(Frame::data(it))));
    let mut response = body::json(200, "");
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    response
}

fn selector(resource: &Resource, query: &Query) -> Result<Selector, Refusal> {
    let (labels, fields) = (query.get("labelSelector"), query.get("fieldSelector"));
    Selector::parse(labels, fields, |field| resource.selects(field))
}

/// Answers a watch.
///
/// # Errors
///
/// A selector that is none. A revision that is too old is told in the stream, as the real server
/// does from its cache.
pub(super) fn watch(
    state: &Arc<State>,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    name: Option<&str>,
    query: &Query,
    form: Form,
) -> Result<Response<Body>, Refusal> {
    let mut selector = selector(resource, query)?;
    if let Some(name) = name {
        let field = format!("metadata.name={name}");
        selector = Selector::parse(query.get("labelSelector"), Some(&field), |_| true)?;
    }
    let initial = query.is_true("sendInitialEvents");
    let after = query.number("resourceVersion")?.filter(|it| *it > 0 && !initial);
    let begun = state.store().watch(resource.shelf(), namespace, selector.clone(), after);
    let mut watching = Watching {
        state: Arc::clone(state),
        resource: Arc::clone(resource),
        namespace: namespace.map(ToOwned::to_owned),
        selector,
        form,
        bookmarks: query.is_true("allowWatchBookmarks"),
        pending: VecDeque::new(),
        receiver: None,
        deadline: Instant::now()
            + Duration::from_secs(query.number("timeoutSeconds")?.unwrap_or(1800)),
        next_bookmark: Instant::now() + BOOKMARKS,
    };
    match begun {
        Ok(watch) => watching.begin(watch, initial),
        Err(_) => watching.refuse(after.unwrap_or(0)),
    }
    let frames = stream::unfold(watching, async |mut it| {
        let bytes = it.next().await?;
        Some((Ok::<_, BodyError>(Frame::data(bytes)), it))
    });
    let mut response = body::json(200, "");
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    Ok(response)
}

/// A watch that is open.
struct Watching {
    state: Arc<State>,
    resource: Arc<Resource>,
    namespace: Option<String>,
    selector: Selector,
    form: Form,
    bookmarks: bool,
    pending: VecDeque<Bytes>,
    /// `None`: it ends after what is pending.
    receiver: Option<mpsc::Receiver<Arc<Change>>>,
    deadline: Instant,
    next_bookmark: Instant,
}

impl Watching {
    fn begin(&mut self, watch: Watch, initial: bool) {
        let Watch { existing, missed, receiver, revision } = watch;
        for object in existing {
            self.push("ADDED", &object);
        }
        if initial {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            self.bookmark(revision, Some(annotations));
        }
        for change in missed {
            self.change(&change);
        }
        self.receiver = Some(receiver);
        let before_the_end = self.deadline.checked_sub(LAST_BOOKMARK).unwrap_or(self.deadline);
        self.next_bookmark = self.next_bookmark.min(before_the_end);
    }

    fn refuse(&mut self, after: u64) {
        let newest = self.state.store().revision;
        let message = format!("too old resource version: {after} ({newest})");
        let event = json!({"type": "ERROR", "object": Refusal::expired(message).body()});
        self.pending.push_back(format!("{event}\n").into());
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.pending.pop_front() {
                return Some(bytes);
            }
            let receiver = self.receiver.as_mut()?;
            let wake = self.deadline.min(self.next_bookmark);
            match tokio::time::timeout_at(wake, receiver.recv()).await {
                Ok(Some(change)) => self.change(&change),
                // Closed by the server, or too far behind.
                Ok(None) => return None,
                Err(_) if Instant::now() >= self.deadline => return None,
                Err(_) => self.bookmark_now(),
            }
        }
    }

    fn bookmark_now(&mut self) {
        self.next_bookmark = Instant::now() + BOOKMARKS;
        if !self.bookmarks {
            return;
        }
        let revision = {
            let store = self.state.store();
            // Changes are sent while the store is locked: with none waiting, all are delivered.
            let behind = self.receiver.as_ref().is_some_and(|it| !it.is_empty());
            (!behind).then_some(store.revision)
        };
        if let Some(revision) = revision {
            self.bookmark(revision, None);
        }
    }

    fn bookmark(&mut self, revision: u64, annotations: Option<Value>) {
        let (kind, api_version) = match self.form {
            Form::Full => (self.resource.kind.clone(), self.resource.api_version()),
            Form::Metadata => ("PartialObjectMetadata".into(), "meta.k8s.io/v1".into()),
        };
        let mut object = json!({"kind": kind, "apiVersion": api_version,
            "metadata": {"resourceVersion": revision.to_string(), "creationTimestamp": null}});
        if let Some(annotations) = annotations {
            object["metadata"]["annotations"] = annotations;
        }
        let event = json!({"type": "BOOKMARK", "object": object});
        self.pending.push_back(format!("{event}\n").into());
    }

    fn change(&mut self, change: &Change) {
        let sees = |it: &Option<Arc<Stored>>| {
            it.clone().filter(|it| {
                self.namespace.as_ref().is_none_or(|namespace| it.key.0 == *namespace)
                    && it.is_selected(&self.selector)
            })
        };
        match (sees(&change.old), sees(&change.new)) {
            (Some(_), Some(new)) => self.push("MODIFIED", &new),
            (None, Some(new)) => self.push("ADDED", &new),
            // Also when it still exists, but is no longer selected.
            (Some(old), None) => self.push("DELETED", &old.at(change.revision)),
            (None, None) => {}
        }
    }

    fn push(&mut self, kind: &str, object: &Stored) {
        let mut out = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
        render(&mut out, &self.resource, object, Look { form: self.form, typed: true });
        out.extend_from_slice(b"}\n");
        self.pending.push_back(out.into());
    }
}
