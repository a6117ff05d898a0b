//! Discovery: which groups, versions and resources there are; the version; health.
//!
//! Source: <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::types::Resource;

/// The release that the server says it is: what the semantics were compared with.
pub(super) const GIT_VERSION: &str = "v1.36.2";

/// Answers a path that is no resource; `None`: there is nothing.
pub(super) fn answer(path: &str, accept: &str, types: &[Arc<Resource>]) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let aggregated =
        accept.starts_with("application/json;") && accept.contains("as=APIGroupDiscoveryList");
    match parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] if aggregated => Some(aggregate(types, str::is_empty)),
        ["apis"] if aggregated => Some(aggregate(types, |group| !group.is_empty())),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => Some(groups(types)),
        ["apis", group] => Some(self::group(group, types)).filter(|it| !it.is_null()),
        ["api", version] => resources("", version, types),
        ["apis", group, version] => resources(group, version, types),
        _ => None,
    }
}

fn version() -> Value {
    json!({"major": "1", "minor": "36", "gitVersion": GIT_VERSION, "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none",
        "compiler": "rustc", "platform": "linux/amd64"})
}

/// Versions by group, in the order in which they were added: the first is preferred.
fn versions(types: &[Arc<Resource>]) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in types {
        let versions = groups.entry(&resource.group).or_default();
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|it| std::cmp::Reverse(rank(it)));
    }
    groups
}

/// `v2` before `v1` before `v1beta1`, as Kubernetes ranks versions.
fn rank(version: &str) -> (bool, String) {
    (!version.contains("alpha") && !version.contains("beta"), version.to_owned())
}

fn groups(types: &[Arc<Resource>]) -> Value {
    let names = versions(types).into_keys().filter(|it| !it.is_empty());
    let groups: Vec<_> = names.map(|it| group(it, types)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group(name: &str, types: &[Arc<Resource>]) -> Value {
    let Some(versions) = versions(types).remove(name) else { return Value::Null };
    let versions: Vec<_> = versions
        .iter()
        .map(|it| json!({"groupVersion": format!("{name}/{it}"), "version": it}))
        .collect();
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": name,
        "preferredVersion": versions[0], "versions": versions})
}

fn of<'a>(group: &str, version: &str, types: &'a [Arc<Resource>]) -> Vec<&'a Arc<Resource>> {
    types.iter().filter(|it| it.group == group && it.version == version).collect()
}

fn resources(group: &str, version: &str, types: &[Arc<Resource>]) -> Option<Value> {
    let found = of(group, version, types);
    let api_version = found.first()?.api_version();
    let entries: Vec<_> = found.iter().flat_map(|it| entries(it)).collect();
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version,
        "resources": entries}))
}

fn entries(resource: &Resource) -> Vec<Value> {
    let Resource { kind, plural, namespaced, short_names, subresources, .. } = resource;
    let mut entry = json!({"name": plural, "singularName": kind.to_lowercase(),
        "namespaced": namespaced, "kind": kind, "verbs": resource.verbs()});
    if !short_names.is_empty() {
        entry["shortNames"] = short_names.as_slice().into();
    }
    let below = subresources.iter().map(|it| {
        json!({"name": format!("{plural}/{it}"), "singularName": "", "namespaced": namespaced,
            "kind": kind, "verbs": subresource_verbs(it)})
    });
    std::iter::once(entry).chain(below).collect()
}

fn subresource_verbs(subresource: &str) -> &'static [&'static str] {
    if subresource == "token" { &["create"] } else { &["get", "patch", "update"] }
}

fn aggregate(types: &[Arc<Resource>], wanted: impl Fn(&str) -> bool) -> Value {
    let groups = versions(types).into_iter().filter(|(name, _)| wanted(name));
    let items: Vec<_> = groups
        .map(|(name, versions)| {
            let versions: Vec<_> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<_> =
                        of(name, version, types).iter().map(|it| aggregated(it)).collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            json!({"metadata": {"name": name}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items})
}

fn aggregated(resource: &Resource) -> Value {
    let Resource { group, version, kind, plural, short_names, subresources, .. } = resource;
    let scope = if resource.namespaced { "Namespaced" } else { "Cluster" };
    let response = json!({"group": group, "version": version, "kind": kind});
    let below: Vec<_> = subresources
        .iter()
        .map(|it| json!({"subresource": it, "responseKind": response, "verbs": subresource_verbs(it)}))
        .collect();
    let mut entry = json!({"resource": plural, "responseKind": response, "scope": scope,
        "singularResource": kind.to_lowercase(), "verbs": resource.verbs()});
    if !short_names.is_empty() {
        entry["shortNames"] = short_names.as_slice().into();
    }
    if !below.is_empty() {
        entry["subresources"] = below.into();
    }
    entry
}
