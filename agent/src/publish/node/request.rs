//! One write as one request, and how it ended.

use std::time::Duration;

use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::client::Body;
use kube::core::{Request, Status};
use serde::Deserialize;
use serde_json::{Value, json};

use super::MANAGER;
use super::plan::Write;

/// Longer than an API server under load takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(15);
/// More than any Node has.
const MOST_BYTES: usize = 4 << 20;

/// Which Node is meant. To apply to a Node that is gone would be to make it, and one that was made
/// anew is another one: with a uid the server refuses both.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeId<'a> {
    pub(super) name: &'a str,
    pub(super) uid: &'a str,
}

/// What the server answers to a write, as far as it is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) metadata: Version,
}

/// Which state of which Node a write made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Version {
    pub(super) uid: String,
    pub(super) resource_version: String,
}

/// A write that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// One of a closed list: a metric label.
    pub(super) result: Outcome,
    /// For the log.
    pub(super) detail: String,
    /// `Retry-After`.
    pub(super) wait: Option<Duration>,
}

/// How a write can fail, by what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 409: another writer holds a field, or was faster. 422: the guard of a patch did not hold.
    Conflict,
    /// 404: there is no such Node.
    Gone,
    /// 401: the token is not, or no longer, good.
    Unauthorized,
    /// 403: the rights do not suffice.
    Forbidden,
    /// 429 and 503: come again later.
    Throttled,
    /// Another 4xx: the request itself is wrong for this server.
    Refused,
    /// 5xx.
    ServerError,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Unreachable,
}

impl Outcome {
    /// Whether another write to the same Node may succeed all the same: each needs a right of its own,
    /// and has fields of its own.
    pub(super) fn is_about_one_write(self) -> bool {
        match self {
            Self::Conflict | Self::Forbidden | Self::Refused => true,
            Self::Gone
            | Self::Unauthorized
            | Self::Throttled
            | Self::ServerError
            | Self::Timeout
            | Self::Unreachable => false,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }
}

impl Write {
    /// The kind of request, as a metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Labels(_) => "labels",
            Self::Conditions(_) => "conditions",
            Self::Taint { .. } => "taint",
        }
    }
}

/// Sends one write.
pub(super) async fn send(
    client: &Client,
    node: &NodeId<'_>,
    write: &Write,
) -> Result<Version, Refusal> {
    let request = request(node, write).map_err(|it| refused(it.to_string()))?;
    let exchange = async {
        let response = client.send(request.map(Body::from)).await.map_err(|it| unreachable(&it))?;
        let status = response.status();
        let wait = retry_after(response.headers());
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|it| Refusal {
            result: Outcome::Unreachable,
            detail: format!("the answer broke off: {it}"),
            wait: None,
        })?;
        answer(status, wait, &body.to_bytes())
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {PATIENCE:?}");
        Err(Refusal { result: Outcome::Timeout, detail, wait: None })
    })
}

fn request(
    node: &NodeId<'_>,
    write: &Write,
) -> Result<http::Request<Vec<u8>>, kube::core::request::Error> {
    let nodes = Request::new("/api/v1/nodes");
    let NodeId { name, uid } = node;
    let apply = PatchParams::apply(MANAGER);
    match write {
        Write::Labels(labels) => {
            let metadata = json!({ "name": name, "uid": uid, "labels": labels });
            nodes.patch(name, &apply, &Patch::Apply(object(&metadata, None)))
        }
        Write::Conditions(conditions) => {
            let status = json!({ "conditions": conditions });
            let patch = Patch::Apply(object(&json!({ "name": name, "uid": uid }), Some(&status)));
            // Conditions are keyed by a type of ours: nobody else has a claim to them.
            nodes.patch_subresource("status", name, &apply.force(), &patch)
        }
        Write::Taint { index, taint } => {
            let path = format!("/spec/taints/{index}");
            // Both or neither: the server applies a JSON patch as a whole.
            let patch = json!([
                { "op": "test", "path": path, "value": taint },
                { "op": "remove", "path": path },
            ]);
            let params =
                PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
            let patch: Patch<Value> = match serde_json::from_value(patch) {
                Ok(patch) => Patch::Json(patch),
                Err(error) => return Err(kube::core::request::Error::SerializeBody(error)),
            };
            nodes.patch(name, &params, &patch)
        }
    }
}

fn object(metadata: &Value, status: Option<&Value>) -> Value {
    let mut object = json!({ "apiVersion": "v1", "kind": "Node", "metadata": metadata });
    if let Some(status) = status {
        object["status"] = status.clone();
    }
    object
}

fn answer(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Result<Version, Refusal> {
    if status.is_success() {
        // What was written is written, whatever the body is.
        return Ok(serde_json::from_slice::<Written>(body)
            .map_or_else(|_| Version::default(), |it| it.metadata));
    }
    let result = match status {
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Conflict,
        StatusCode::NOT_FOUND => Outcome::Gone,
        StatusCode::UNAUTHORIZED => Outcome::Unauthorized,
        StatusCode::FORBIDDEN => Outcome::Forbidden,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Outcome::Throttled,
        it if it.is_server_error() => Outcome::ServerError,
        _ => Outcome::Refused,
    };
    let message = serde_json::from_slice::<Status>(body).map(|it| it.message).unwrap_or_default();
    Err(Refusal { result, detail: format!("{status}: {message}"), wait })
}

/// `Retry-After` in seconds, as the API server writes it; a date is not understood, and so not
/// obeyed.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

fn unreachable(error: &kube::Error) -> Refusal {
    Refusal { result: Outcome::Unreachable, detail: chain(error), wait: None }
}

fn refused(detail: String) -> Refusal {
    Refusal { result: Outcome::Refused, detail, wait: None }
}

/// The error and its causes; kube says only the outermost.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |it| it.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId<'_> = NodeId { name: "n", uid: "u" };
    use crate::facts::node_object::Taint;

    #[test]
    fn labels_are_applied_without_force_and_conditions_with_it() {
        let labels = request(&NODE, &Write::Labels([("a/b".into(), "c".into())].into())).unwrap();
        assert_eq!(labels.method(), "PATCH");
        assert_eq!(labels.headers()["content-type"], "application/apply-patch+yaml");
        let uri = labels.uri().to_string();
        assert!(uri.starts_with("/api/v1/nodes/n?"), "{uri}");
        assert!(
            uri.contains("fieldManager=bpfready-agent") && !uri.contains("force=true"),
            "{uri}"
        );
        let body: Value = serde_json::from_slice(labels.body()).unwrap();
        assert_eq!(body["metadata"], json!({"name": "n", "uid": "u", "labels": {"a/b": "c"}}));

        let conditions = request(&NODE, &Write::Conditions(Vec::new())).unwrap();
        let uri = conditions.uri().to_string();
        assert!(uri.starts_with("/api/v1/nodes/n/status?") && uri.contains("force=true"), "{uri}");
        let body: Value = serde_json::from_slice(conditions.body()).unwrap();
        assert_eq!(body["metadata"]["uid"], "u", "a Node that is gone is not made");
    }

    #[test]
    fn a_taint_is_tested_before_it_is_removed() {
        let taint =
            Taint { key: "k".into(), value: None, effect: "NoSchedule".into(), time_added: None };
        let patch = request(&NODE, &Write::Taint { index: 2, taint }).unwrap();
        assert_eq!(patch.headers()["content-type"], "application/json-patch+json");
        let body: Value = serde_json::from_slice(patch.body()).unwrap();
        let test = json!({"op": "test", "path": "/spec/taints/2",
            "value": {"key": "k", "effect": "NoSchedule"}});
        assert_eq!(body, json!([test, {"op": "remove", "path": "/spec/taints/2"}]));
    }

    #[track_caller]
    fn expect(status: u16, result: Outcome) {
        let answer = answer(StatusCode::from_u16(status).unwrap(), None, b"not json");
        assert_eq!(answer.unwrap_err().result, result);
    }

    #[test]
    fn every_refusal_is_of_a_kind() {
        expect(409, Outcome::Conflict);
        expect(422, Outcome::Conflict);
        expect(404, Outcome::Gone);
        expect(401, Outcome::Unauthorized);
        expect(403, Outcome::Forbidden);
        expect(429, Outcome::Throttled);
        expect(503, Outcome::Throttled);
        expect(500, Outcome::ServerError);
        expect(400, Outcome::Refused);
    }

    #[test]
    fn a_wait_is_read_in_seconds() {
        let mut headers = http::HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert("retry-after", "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
