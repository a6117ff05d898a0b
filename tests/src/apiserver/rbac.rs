//! RBAC: whether the roles that are stored allow a request.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use serde_json::Value;

use super::selector::Selector;
use super::store::Store;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub name: String,
    pub groups: Vec<String>,
    pub uid: String,
    /// As in a TokenReview.
    pub extra: Vec<(String, Vec<String>)>,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// A non-resource URL instead of all the above but the verb.
    pub path: String,
}

/// Paths that everybody who is authenticated may read, as `system:discovery` grants them.
const DISCOVERY: &[&str] =
    &["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"];

/// All bindings with the rules of their roles: what the stored objects say at one revision.
#[derive(Debug, Default)]
pub(super) struct Policy {
    grants: Vec<Grant>,
}

/// One binding.
#[derive(Debug)]
struct Grant {
    /// `None`: everywhere.
    namespace: Option<String>,
    subjects: Vec<Value>,
    rules: Vec<Value>,
}

impl Policy {
    pub(super) fn of(store: &Store) -> Self {
        let bindings = ["clusterrolebindings", "rolebindings"];
        let bindings =
            bindings.iter().flat_map(|it| store.list((GROUP, it), None, &Selector::default()));
        let grants = bindings.map(|it| {
            let namespace = Some(it.key.0.clone()).filter(|it| !it.is_empty());
            let binding = it.value();
            let rules = rules(store, &binding["roleRef"], namespace.as_deref());
            Grant { namespace, subjects: items(&binding["subjects"]).to_vec(), rules }
        });
        Self { grants: grants.collect() }
    }

    /// Whether the roles that are bound to `user` allow it.
    pub(super) fn allows(&self, user: &User, question: &Question) -> bool {
        let bound = |grant: &&Grant| {
            let Grant { namespace, subjects, .. } = grant;
            namespace.as_ref().is_none_or(|it| *it == question.namespace)
                && subjects.iter().any(|it| is_subject(it, user, namespace.as_deref()))
        };
        is_superuser(user)
            || is_for_everybody(user, question)
            || self
                .grants
                .iter()
                .filter(bound)
                .flat_map(|it| &it.rules)
                .any(|it| covers(it, question))
    }
}

fn is_superuser(user: &User) -> bool {
    user.groups.iter().any(|it| it == "system:masters")
}

fn is_for_everybody(user: &User, question: &Question) -> bool {
    if !user.groups.iter().any(|it| it == "system:authenticated") {
        let public = ["/healthz", "/livez", "/readyz", "/version"];
        return question.verb == "get" && public.contains(&question.path.as_str());
    }
    let below = |it: &&&str| {
        question.path.strip_prefix(**it).is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    (question.verb == "get" && DISCOVERY.iter().any(|it| below(&it)))
        || (question.verb == "create" && question.resource == "selfsubjectaccessreviews")
}

fn is_subject(subject: &Value, user: &User, namespace: Option<&str>) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.groups.iter().any(|it| it == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().or(namespace).unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn rules(store: &Store, reference: &Value, namespace: Option<&str>) -> Vec<Value> {
    let name = reference["name"].as_str().unwrap_or_default().to_owned();
    let role = match (reference["kind"].as_str(), namespace) {
        (Some("Role"), Some(namespace)) => {
            store.get((GROUP, "roles"), &(namespace.to_owned(), name))
        }
        _ => store.get((GROUP, "clusterroles"), &(String::new(), name)),
    };
    role.map(|it| items(&it.value()["rules"]).to_vec()).unwrap_or_default()
}

fn covers(rule: &Value, question: &Question) -> bool {
    let has = |field: &str, want: &str| {
        items(&rule[field]).iter().any(|it| it == "*" || it.as_str() == Some(want))
    };
    if !question.path.is_empty() {
        let urls = items(&rule["nonResourceURLs"]);
        let urls = urls.iter().filter_map(Value::as_str);
        return has("verbs", &question.verb) && urls.into_iter().any(|it| fits(it, &question.path));
    }
    let names = items(&rule["resourceNames"]);
    has("verbs", &question.verb)
        && has("apiGroups", &question.group)
        && items(&rule["resources"]).iter().any(|it| is_resource(it, question))
        && (names.is_empty() || names.iter().any(|it| it.as_str() == Some(&question.name)))
}

fn is_resource(resource: &Value, question: &Question) -> bool {
    let Question { resource: plural, subresource, .. } = question;
    let wanted =
        if subresource.is_empty() { plural.clone() } else { format!("{plural}/{subresource}") };
    let any = format!("*/{subresource}");
    resource
        .as_str()
        .is_some_and(|it| it == "*" || it == wanted || (!subresource.is_empty() && it == any))
}

fn fits(url: &str, path: &str) -> bool {
    url.strip_suffix('*').map_or(url == path, |prefix| path.starts_with(prefix))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `nodes "a" is forbidden: User "x" cannot patch resource "nodes" in API group "" at the cluster
/// scope`: the words of the real server.
pub(super) fn forbidden(user: &User, question: &Question) -> String {
    let Question { verb, group, resource, subresource, namespace, name, path } = question;
    if !path.is_empty() {
        return format!("forbidden: User {:?} cannot {verb} path {path:?}", user.name);
    }
    let resource =
        if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
    let scope = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {namespace:?}")
    };
    let qualified = super::status::qualified(group, &question.resource);
    let object = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
    let user = &user.name;
    format!(
        "{object} is forbidden: User {user:?} cannot {verb} resource {resource:?} \
         in API group {group:?} {scope}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn expect(rule: &Value, question: &Question, want: bool) {
        assert_eq!(covers(rule, question), want, "{rule} on {question:?}");
    }

    fn patch(subresource: &str, name: &str) -> Question {
        let (verb, resource) = ("patch".into(), "nodes".into());
        let (subresource, name) = (subresource.into(), name.into());
        Question { verb, resource, subresource, name, ..Default::default() }
    }

    #[test]
    fn a_subresource_is_a_right_of_its_own() {
        let rule = json!({"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"]});
        expect(&rule, &patch("", "a"), true);
        expect(&rule, &patch("status", "a"), false);
        let rule = json!({"apiGroups": [""], "resources": ["*/status"], "verbs": ["*"]});
        expect(&rule, &patch("status", "a"), true);
    }

    #[test]
    fn resource_names_narrow_a_rule() {
        let rule = json!({"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"],
            "resourceNames": ["a"]});
        expect(&rule, &patch("", "a"), true);
        expect(&rule, &patch("", "b"), false);
    }
}
