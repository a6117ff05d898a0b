//! `metav1.Status`: how the API server says no.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>

use serde_json::{Value, json};

/// A refusal: code, reason, message and what belongs to them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Value>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, plural));
        let mut refusal = Self::new(404, "NotFound", message);
        refusal.details = Some(details(group, plural, name));
        refusal
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(group, plural));
        let mut refusal = Self::new(409, "AlreadyExists", message);
        refusal.details = Some(details(group, plural, name));
        refusal
    }

    /// Another writer was there between read and write.
    pub(super) fn conflict(group: &str, plural: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the object has been modified; \
             please apply your changes to the latest version and try again",
            qualified(group, plural)
        );
        let mut refusal = Self::new(409, "Conflict", message);
        refusal.details = Some(details(group, plural, name));
        refusal
    }

    pub(super) fn invalid(kind: &str, name: &str, field: &str, why: &str) -> Self {
        let message = format!("{kind} {name:?} is invalid: {field}: {why}");
        let mut refusal = Self::new(422, "Invalid", message);
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        refusal.details = Some(json!({"name": name, "kind": kind, "causes": [cause]}));
        refusal
    }

    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The `Status` object that clients read.
    pub(super) fn body(&self) -> Value {
        let Self { code, reason, message, details, retry_after } = self;
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        });
        if let Some(details) = details {
            body["details"] = details.clone();
        }
        if let Some(seconds) = retry_after {
            body["details"]["retryAfterSeconds"] = (*seconds).into();
        }
        body
    }
}

fn details(group: &str, plural: &str, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": plural});
    if !group.is_empty() {
        details["group"] = group.into();
    }
    details
}

/// `nodes`, `leases.coordination.k8s.io`.
pub(super) fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}
