//! What a request asks for, as the API server reads it from method, path and query.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris>

use std::collections::HashMap;

use http::request::Parts;

use super::object::Form;
use super::status::Refusal;

/// A request to a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Resource(Target),
    /// Discovery, health, version: everything that RBAC calls a non-resource URL.
    Other,
}

/// Reads a path.
pub(super) fn meaning(path: &str) -> Meaning {
    let parts: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Meaning::Other,
    };
    let (namespace, rest) = match rest {
        // The namespace itself, or one of its two subresources.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let mut rest = rest.iter().map(|it| (*it).to_owned());
    let Some(plural) = rest.next() else { return Meaning::Other };
    Meaning::Resource(Target {
        group: group.into(),
        version: version.into(),
        plural,
        namespace,
        name: rest.next(),
        subresource: rest.next(),
    })
}

/// The verb of a request to a resource, as RBAC and the audit log name it.
pub(super) fn verb(method: &http::Method, target: &Target, query: &Query) -> &'static str {
    match (method.as_str(), target.name.is_some()) {
        ("GET", _) if query.is_true("watch") => "watch",
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "unknown",
    }
}

/// Query parameters; of a repeated one the first counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|it| !it.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        });
        let mut query = HashMap::new();
        for (key, value) in pairs {
            query.entry(key).or_insert(value);
        }
        Self(query)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|it| !it.is_empty())
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1"))
    }

    /// A number, if there is one.
    ///
    /// # Errors
    ///
    /// 400 for something else.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Refusal::bad_request(format!("invalid {key}: {text:?}")))
        };
        self.get(key).map(parse).transpose()
    }
}

/// `%XX` and `+`, as in a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).unwrap_or_default();
                u8::from_str_radix(hex, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One header as text.
pub(super) fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// The form that `Accept` asks for.
pub(super) fn form(parts: &Parts) -> Form {
    let first = header(parts, "accept").split(',').next().unwrap_or_default();
    if first.contains("as=PartialObjectMetadata") { Form::Metadata } else { Form::Full }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(path: &str, want: [Option<&str>; 6]) {
        let Meaning::Resource(target) = meaning(path) else { panic!("{path} is a resource") };
        let Target { group, version, plural, namespace, name, subresource } = target;
        let some = |text: String| Some(text);
        let is = [some(group), some(version), some(plural), namespace, name, subresource];
        assert_eq!(is, want.map(|it| it.map(ToOwned::to_owned)));
    }

    #[test]
    fn paths_are_read_as_the_api_server_reads_them() {
        let (core, v1) = (Some(""), Some("v1"));
        expect("/api/v1/nodes", [core, v1, Some("nodes"), None, None, None]);
        let status = Some("status");
        expect("/api/v1/nodes/a/status", [core, v1, Some("nodes"), None, Some("a"), status]);
        expect("/api/v1/namespaces/x", [core, v1, Some("namespaces"), None, Some("x"), None]);
        let pods = Some("pods");
        expect("/api/v1/namespaces/x/pods/y", [core, v1, pods, Some("x"), Some("y"), None]);
        let (leases, group) = (Some("leases"), Some("coordination.k8s.io"));
        let path = "/apis/coordination.k8s.io/v1/leases";
        expect(path, [group, v1, leases, None, None, None]);
        assert_eq!(meaning("/apis/apps/v1"), Meaning::Other);
    }

    #[test]
    fn a_query_is_decoded() {
        let query = Query::parse("fieldSelector=metadata.name%3Da&watch=1&limit=x");
        assert_eq!(query.get("fieldSelector"), Some("metadata.name=a"));
        assert!(query.is_true("watch"));
        assert_eq!(query.number("limit").expect_err("x is no number").code, 400);
    }
}
