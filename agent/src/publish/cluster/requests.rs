//! One write as one request, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::{Value, json};

use super::writes::{MANAGER, PodId, Write};
use crate::judge::cluster::fargate::desired::{self, NodeMarks};
use crate::publish::names::PREFIX;

/// Longer than an API server under load takes.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a write ended, by what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// It is written.
    Written,
    /// Somebody wrote it before: the Event is there already.
    Repeated,
    /// 404, or another object of this name: nothing to write to any more.
    Gone,
    /// 409, 422: another writer holds it, or the policy refuses it.
    Refused,
    /// 401, 403: the right is missing.
    Forbidden,
    /// 429, 5xx, no answer: later.
    Later,
}

impl Ended {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "ok",
            Self::Repeated => "repeated",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Forbidden => "forbidden",
            Self::Later => "later",
        }
    }
}

/// Who writes, and how our keys begin on this cluster's objects.
#[derive(Debug, Clone)]
pub struct Author {
    /// The pod's name.
    pub instance: String,
    /// Such as `example.org/`; [`PREFIX`] unless it is configured.
    pub prefix: String,
}

impl Author {
    /// A key of ours as it is written.
    fn key(&self, key: &str) -> String {
        key.strip_prefix(PREFIX).map_or_else(|| key.to_owned(), |it| format!("{}{it}", self.prefix))
    }

    fn labels(&self, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        labels.iter().map(|(key, value)| (self.key(key), value.clone())).collect()
    }
}

/// Sends one write.
pub(super) async fn send(client: &Client, author: &Author, write: &Write) -> Ended {
    let request = match request(author, write) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(%error, kind = write.kind(), "cannot build a request");
            return Ended::Refused;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, client.request::<Value>(request)).await;
    match answer {
        Ok(Ok(_)) => Ended::Written,
        Ok(Err(error)) => ended(&error, write),
        Err(_) => Ended::Later,
    }
}

fn ended(error: &kube::Error, write: &Write) -> Ended {
    let kube::Error::Api(status) = error else {
        tracing::debug!(%error, kind = write.kind(), "a write was not answered");
        return Ended::Later;
    };
    let is_event = matches!(write, Write::Event { .. });
    tracing::debug!(
        code = status.code,
        message = status.message,
        kind = write.kind(),
        "not written"
    );
    match status.code {
        404 => Ended::Gone,
        // A namespace that is being deleted takes no Event.
        403 if status.message.contains("being terminated") => Ended::Gone,
        // An object that is gone, or another one of its name.
        409 | 422 if is_about_uid(&status.message) => Ended::Gone,
        409 if is_event => Ended::Repeated,
        401 | 403 => Ended::Forbidden,
        400 | 409 | 422 => Ended::Refused,
        _ => Ended::Later,
    }
}

/// The words of the API server for an object that is gone, and for another one of its name.
fn is_about_uid(message: &str) -> bool {
    ["uid mismatch", "UID in precondition", "metadata.uid"].iter().any(|it| message.contains(it))
}

type Built = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

fn request(author: &Author, write: &Write) -> Built {
    let apply = PatchParams::apply(MANAGER);
    match write {
        Write::NodeLabels { node, uid, labels } => {
            let ours = labels.iter().map(|it| (format!("{}{}", author.prefix, it.0), it.1));
            let labels: BTreeMap<_, _> = ours.collect();
            let object = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": &**node, "uid": &**uid, "labels": labels},
            });
            Request::new("/api/v1/nodes").patch(node, &apply, &Patch::Apply(object))
        }
        Write::NodeCondition { node, uid, marks } => {
            let conditions: Vec<Value> = marks.iter().map(|it| condition(author, it)).collect();
            let object = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": &**node, "uid": &**uid},
                "status": {"conditions": conditions},
            });
            let patch = Patch::Apply(object);
            // Its type is ours: nobody else has a claim to it.
            Request::new("/api/v1/nodes").patch_subresource("status", node, &apply.force(), &patch)
        }
        Write::Event { pod, profile } => {
            let event = event(&author.instance, pod, &desired::event_message(profile.as_ref()));
            let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", pod.namespace);
            let body =
                serde_json::to_vec(&event).map_err(kube::core::request::Error::SerializeBody)?;
            Request::new(path).create(&PostParams::default(), body)
        }
        Write::Annotation { pod, value } => {
            let key = format!("{}ebpf", author.prefix);
            // With its uid: another pod of this name is refused.
            let value = Some(value).filter(|it| !it.is_empty());
            let patch = json!({"metadata": {"uid": &*pod.uid, "annotations": {key: value}}});
            let path = format!("/api/v1/namespaces/{}/pods", pod.namespace);
            let params =
                PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
            Request::new(path).patch(&pod.name, &params, &Patch::Merge(patch))
        }
        Write::PoolLabels { api_version, pool, uid, labels } => {
            let object = json!({
                "apiVersion": &**api_version, "kind": "NodePool",
                "metadata": {
                    "name": &**pool, "uid": &**uid, "labels": author.labels(labels),
                },
            });
            let path = format!("/apis/{api_version}/nodepools");
            Request::new(path).patch(pool, &apply, &Patch::Apply(object))
        }
    }
}

fn condition(author: &Author, marks: &NodeMarks) -> Value {
    let now = seconds(Timestamp::now());
    json!({
        "type": format!("{}EbpfReady", author.prefix), "status": marks.status,
        "reason": marks.reason, "message": marks.message,
        "lastHeartbeatTime": now, "lastTransitionTime": now,
    })
}

/// An Event whose name follows from the pod: a second one of it cannot be made.
fn event(instance: &str, pod: &PodId, note: &str) -> Value {
    let PodId { namespace, name, uid } = pod;
    let short: String = uid.chars().filter(|it| *it != '-').take(16).collect();
    // A name has at most 253 characters.
    let base: String = name.chars().take(230).collect();
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": format!("{base}.{short}"), "namespace": &**namespace},
        "eventTime": micros(Timestamp::now()),
        "reportingController": "bpfready.io/controller",
        "reportingInstance": instance,
        "action": "Looked", "reason": desired::EVENT_REASON, "type": "Normal",
        "regarding": {
            "apiVersion": "v1", "kind": "Pod",
            "namespace": &**namespace, "name": &**name, "uid": &**uid,
        },
        "note": note,
    })
}

/// `metav1.Time`: whole seconds.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `metav1.MicroTime`.
fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::cluster::Text;

    fn author(prefix: &str) -> Author {
        Author { instance: "i".into(), prefix: prefix.into() }
    }

    fn pod() -> PodId {
        PodId {
            namespace: "web".into(),
            name: "a".into(),
            uid: "01234567-89ab-cdef-0123-456789abcdef".into(),
        }
    }

    #[test]
    fn an_annotation_names_the_pod_by_its_uid() {
        let request =
            request(&author(PREFIX), &Write::Annotation { pod: pod(), value: "none" }).unwrap();
        assert_eq!(request.method(), "PATCH");
        assert!(request.uri().to_string().starts_with("/api/v1/namespaces/web/pods/a?"));
        assert_eq!(request.headers()["content-type"], "application/merge-patch+json");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let wanted = json!({"metadata": {
            "uid": "01234567-89ab-cdef-0123-456789abcdef", "annotations": {"bpfready.io/ebpf": "none"}
        }});
        assert_eq!(body, wanted);
    }

    #[test]
    fn what_is_taken_back_is_applied_as_nothing_and_an_annotation_as_null() {
        let body = |write: &Write| -> Value {
            serde_json::from_slice(request(&author(PREFIX), write).unwrap().body()).unwrap()
        };
        let (node, uid) = (Text::from("n"), Text::from("u"));
        let condition = Write::NodeCondition { node: node.clone(), uid: uid.clone(), marks: None };
        assert_eq!(body(&condition)["status"], json!({"conditions": []}));
        let labels = body(&Write::NodeLabels { node, uid, labels: &[] });
        assert_eq!(labels["metadata"], json!({"name": "n", "uid": "u", "labels": {}}));
        let annotation = body(&Write::Annotation { pod: pod(), value: "" });
        assert_eq!(annotation["metadata"]["annotations"], json!({"bpfready.io/ebpf": null}));
    }

    #[test]
    fn the_event_of_a_pod_has_always_the_same_name() {
        let name = || event("i", &pod(), "note")["metadata"]["name"].clone();
        assert_eq!(name(), "a.0123456789abcdef");
        assert_eq!(name(), name());
    }

    #[test]
    fn a_nodepool_is_applied_without_a_spec_and_with_the_configured_prefix() {
        let write = Write::PoolLabels {
            api_version: "karpenter.sh/v1".into(),
            pool: "default".into(),
            uid: "u1".into(),
            labels: [("bpfready.io/ebpf".into(), "full".into())].into(),
        };
        let body: Value =
            serde_json::from_slice(request(&author("example.org/"), &write).unwrap().body())
                .unwrap();
        assert!(body.get("spec").is_none());
        assert_eq!(body["metadata"]["uid"], "u1", "a NodePool that is gone is not made");
        assert_eq!(body["metadata"]["labels"], json!({"example.org/ebpf": "full"}));
    }
}
