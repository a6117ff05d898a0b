//! TokenReview, SubjectAccessReview, SelfSubjectAccessReview: questions that are not stored.

use serde_json::{Value, json};

use super::auth::Tokens;
use super::rbac::{Policy, Question, User};
use super::store::Store;

/// Answers a review of `kind`.
pub(super) fn answer(
    kind: &str,
    review: &Value,
    asker: &User,
    (tokens, store, policy): (&Tokens, &Store, &Policy),
) -> Value {
    let mut review = review.clone();
    review["status"] = match kind {
        "TokenReview" => token(&review["spec"], tokens, store),
        "SelfSubjectAccessReview" => access(&review["spec"], asker, policy),
        _ => access(&review["spec"], &subject(&review["spec"]), policy),
    };
    if review["metadata"].is_null() {
        review["metadata"] = json!({});
    }
    review
}

fn token(spec: &Value, tokens: &Tokens, store: &Store) -> Value {
    let token = spec["token"].as_str().unwrap_or_default();
    let Some(user) = tokens.user(token, store) else {
        return json!({"user": {}, "error": "[invalid bearer token]"});
    };
    let User { name, groups, uid, extra } = user;
    let extra: serde_json::Map<_, _> =
        extra.into_iter().map(|(key, values)| (key, Value::from(values))).collect();
    let user = json!({"username": name, "groups": groups, "uid": uid, "extra": extra});
    json!({"authenticated": true, "user": user, "audiences": ["https://kubernetes.default.svc"]})
}

fn subject(spec: &Value) -> User {
    let groups = spec["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    User {
        name: spec["user"].as_str().unwrap_or_default().into(),
        groups: groups.iter().filter_map(|it| Some(it.as_str()?.to_owned())).collect(),
        ..User::default()
    }
}

fn access(spec: &Value, user: &User, policy: &Policy) -> Value {
    let resource = &spec["resourceAttributes"];
    let url = &spec["nonResourceAttributes"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let question = if url.is_null() {
        Question {
            verb: text(&resource["verb"]),
            group: text(&resource["group"]),
            resource: text(&resource["resource"]),
            subresource: text(&resource["subresource"]),
            namespace: text(&resource["namespace"]),
            name: text(&resource["name"]),
            path: String::new(),
        }
    } else {
        Question { verb: text(&url["verb"]), path: text(&url["path"]), ..Question::default() }
    };
    json!({"allowed": policy.allows(user, &question)})
}
