//! Who a request comes from: bearer tokens and impersonation.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::request::Parts;
use serde_json::{Value, json};

use super::rbac::{Policy, Question, User};
use super::request::header;
use super::status::Refusal;
use super::store::Store;
use super::write;

/// The token that may do everything.
pub(super) const ADMIN: &str = "the-administrator-of-a-test-server";

/// What a bearer token stands for.
#[derive(Debug, Clone)]
struct Token {
    user: User,
    expires: Option<Instant>,
    /// Namespace, name and uid of the pod that it dies with.
    pod: Option<(String, String, String)>,
}

/// All tokens that were given out.
#[derive(Debug)]
pub(super) struct Tokens(HashMap<String, Token>);

impl Default for Tokens {
    fn default() -> Self {
        let groups = ["system:masters", "system:authenticated"];
        let groups = groups.map(ToOwned::to_owned).to_vec();
        let user = User { name: "admin".into(), groups, ..User::default() };
        Self(HashMap::from([(ADMIN.to_owned(), Token { user, expires: None, pod: None })]))
    }
}

impl Tokens {
    /// The user of a token, if it is one and still counts.
    pub(super) fn user(&self, token: &str, store: &Store) -> Option<User> {
        let Token { user, expires, pod } = self.0.get(token)?;
        let alive = |(namespace, name, uid): &(String, String, String)| {
            let pod = store.get(("", "pods"), &(namespace.clone(), name.clone()));
            pod.is_some_and(|it| it.value()["metadata"]["uid"] == **uid)
        };
        let valid = expires.is_none_or(|it| it > Instant::now()) && pod.as_ref().is_none_or(alive);
        valid.then(|| user.clone())
    }

    /// Answers a TokenRequest for a ServiceAccount.
    ///
    /// # Errors
    ///
    /// The pod that the token is bound to does not exist.
    pub(super) fn issue(
        &mut self,
        store: &Store,
        (namespace, account): (&str, &str),
        request: &Value,
    ) -> Result<Value, Refusal> {
        let seconds = request["spec"]["expirationSeconds"].as_u64().unwrap_or(3600);
        let mut user = User {
            name: format!("system:serviceaccount:{namespace}:{account}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ],
            ..User::default()
        };
        let bound = &request["spec"]["boundObjectRef"];
        let pod = match bound["name"].as_str() {
            Some(name) if bound["kind"] == "Pod" => {
                Some(bind(store, (namespace, account), name, &mut user)?)
            }
            _ => None,
        };
        let token: String = write::random().iter().map(|it| format!("{it:02x}")).collect();
        let expires = Some(Instant::now() + Duration::from_secs(seconds));
        self.0.insert(token.clone(), Token { user, expires, pod });
        let mut answer = request.clone();
        answer["kind"] = "TokenRequest".into();
        answer["apiVersion"] = "authentication.k8s.io/v1".into();
        answer["status"] = json!({"token": token, "expirationTimestamp": write::now()});
        Ok(answer)
    }

    /// Every token but the administrator's is worthless from now on.
    pub(super) fn expire(&mut self) {
        self.0.retain(|token, _| token == ADMIN);
    }
}

/// What a token knows of the pod that it is bound to, and of that pod's node.
///
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#additional-metadata-in-pod-bound-tokens>
fn bind(
    store: &Store,
    (namespace, account): (&str, &str),
    name: &str,
    user: &mut User,
) -> Result<(String, String, String), Refusal> {
    let pod = store.get(("", "pods"), &(namespace.to_owned(), name.to_owned()));
    let pod = pod.ok_or_else(|| Refusal::not_found("", "pods", name))?.value();
    if pod["spec"]["serviceAccountName"] != account {
        return Err(Refusal::bad_request(format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different \
             serviceaccount name."
        )));
    }
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let mut extra = vec![("pod-name", name.to_owned()), ("pod-uid", uid.clone())];
    if let Some(node) = pod["spec"]["nodeName"].as_str() {
        extra.push(("node-name", node.to_owned()));
    }
    let extra = extra.into_iter();
    let key = |it| format!("authentication.kubernetes.io/{it}");
    user.extra = extra.map(|(name, value)| (key(name), vec![value])).collect();
    Ok((namespace.to_owned(), name.to_owned(), uid))
}

/// Who sent the request.
///
/// # Errors
///
/// 401 for a token that is none; 403 for an impersonation that is not allowed.
pub(super) fn user(
    parts: &Parts,
    tokens: &Tokens,
    store: &Store,
    policy: &Policy,
) -> Result<User, Refusal> {
    let user = match header(parts, "authorization").strip_prefix("Bearer ") {
        Some(token) => tokens.user(token.trim(), store).ok_or_else(Refusal::unauthorized)?,
        None => User {
            name: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..User::default()
        },
    };
    let name = header(parts, "impersonate-user");
    if name.is_empty() {
        return Ok(user);
    }
    let question = Question {
        verb: "impersonate".into(),
        resource: "users".into(),
        name: name.to_owned(),
        ..Question::default()
    };
    if !policy.allows(&user, &question) {
        return Err(Refusal::new(403, "Forbidden", super::rbac::forbidden(&user, &question)));
    }
    Ok(impersonated(parts, name))
}

fn impersonated(parts: &Parts, name: &str) -> User {
    let all = parts.headers.get_all("impersonate-group").iter();
    let mut groups: Vec<String> = all.filter_map(|it| Some(it.to_str().ok()?.to_owned())).collect();
    if let Some(account) = name.strip_prefix("system:serviceaccount:") {
        let namespace = account.split(':').next().unwrap_or_default();
        groups.push("system:serviceaccounts".into());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups.push("system:authenticated".into());
    let extra = parts.headers.iter().filter_map(|(header, value)| {
        let key = header.as_str().strip_prefix("impersonate-extra-")?;
        Some((key.replace("%2f", "/"), vec![value.to_str().ok()?.to_owned()]))
    });
    let extra = extra.collect();
    User { name: name.to_owned(), groups, extra, uid: String::new() }
}
