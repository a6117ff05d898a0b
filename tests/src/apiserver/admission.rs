//! What the API server adds to, leaves out of and refuses in an object before it is stored.

use serde_json::{Map, Value, json};

use super::status::Refusal;
use super::types::Resource;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Defaults of new objects, and what the default admission plugins add.
pub(super) fn on_create(resource: &Resource, new: &mut Value) {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "nodes") => taint_new_node(new),
        ("", "pods") => start_pod(new),
        ("", "namespaces") => new["status"] = json!({"phase": "Active"}),
        ("apps", _) => drop(new.as_object_mut().and_then(|it| it.remove("status"))),
        _ if resource.custom && resource.has("status") => {
            drop(new.as_object_mut().and_then(|it| it.remove("status")));
        }
        _ => {}
    }
}

/// The admission plugin TaintNodesByCondition: a new node is not ready until a controller says so.
fn taint_new_node(new: &mut Value) {
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    if new["spec"]["taints"].is_null() {
        new["spec"]["taints"] = json!([]);
    }
    let taints = new["spec"]["taints"].as_array_mut();
    if let Some(taints) = taints
        && !taints.iter().any(|it| it["key"] == taint["key"] && it["effect"] == taint["effect"])
    {
        taints.push(taint);
    }
}

fn start_pod(new: &mut Value) {
    new["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
    let Some(spec) = new["spec"].as_object_mut() else { return };
    let defaults = [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("enableServiceLinks", json!(true)),
    ];
    for (field, default) in defaults {
        spec.entry(field).or_insert(default);
    }
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        spec.entry("serviceAccount").or_insert(account);
    }
}

/// Leaves out what the typed object would not write: null, empty lists, empty labels.
pub(super) fn normalise(resource: &Resource, object: &mut Value) {
    if resource.custom {
        drop_empty_maps(object, &["labels", "annotations"]);
        return;
    }
    if let Value::Object(map) = object {
        without_empty(map);
    }
    drop_empty_maps(object, &["labels", "annotations", "finalizers", "ownerReferences"]);
    if resource.plural == "nodes" && resource.group.is_empty() {
        zero_values_of_a_node(object);
    }
}

/// Structs without `omitempty` are written also when they say nothing.
fn zero_values_of_a_node(node: &mut Value) {
    if node["spec"].is_null() {
        node["spec"] = json!({});
    }
    if node["status"]["daemonEndpoints"].is_null() {
        node["status"]["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": 0}});
    }
    let fields = [
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    ];
    for field in fields {
        if node["status"]["nodeInfo"][field].is_null() {
            node["status"]["nodeInfo"][field] = "".into();
        }
    }
}

fn without_empty(map: &mut Map<String, Value>) {
    map.retain(|_, value| {
        if let Value::Object(inner) = value {
            without_empty(inner);
        }
        match value {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            _ => true,
        }
    });
    for value in map.values_mut() {
        let Value::Array(list) = value else { continue };
        list.iter_mut().filter_map(Value::as_object_mut).for_each(without_empty);
    }
}

fn drop_empty_maps(object: &mut Value, fields: &[&str]) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.retain(|key, value| {
        let empty = match &*value {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Null => true,
            _ => false,
        };
        !(empty && fields.contains(&key.as_str()))
    });
}

/// What must hold for every object, and for nodes.
///
/// Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
pub(super) fn validate(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let refuse = |field: &str, why: &str| Err(Refusal::invalid(&resource.kind, name, field, why));
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if !is_qualified(key) {
            return refuse(
                "metadata.labels",
                &format!(
                    "Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.'"
                ),
            );
        }
        if !value.as_str().is_some_and(is_label_value) {
            return refuse(
                "metadata.labels",
                &format!(
                    "Invalid value: {value}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
                ),
            );
        }
    }
    let annotations = metadata["annotations"].as_object();
    if let Some((key, _)) = annotations.into_iter().flatten().find(|(key, _)| !is_qualified(key)) {
        return refuse("metadata.annotations", &format!("Invalid value: {key:?}"));
    }
    let rules = object["rules"].as_array().filter(|_| resource.group == RBAC);
    let empty = |it: &Value| it["verbs"].as_array().is_none_or(Vec::is_empty);
    if let Some(at) = rules.into_iter().flatten().position(empty) {
        let why = "Required value: verbs must contain at least one value";
        return refuse(&format!("rules[{at}].verbs"), why);
    }
    let taints = object["spec"]["taints"].as_array().filter(|_| resource.plural == "nodes");
    let taints = taints.map(Vec::as_slice).unwrap_or_default();
    for (at, taint) in taints.iter().enumerate() {
        if let Some((field, why)) = bad_taint(taint, &taints[..at]) {
            return refuse(&format!("spec.taints[{at}].{field}"), &why);
        }
    }
    Ok(())
}

fn bad_taint(taint: &Value, before: &[Value]) -> Option<(&'static str, String)> {
    let key = taint["key"].as_str().unwrap_or_default();
    if !is_qualified(key) {
        return Some(("key", format!("Invalid value: {key:?}")));
    }
    let effect = taint["effect"].as_str().unwrap_or_default();
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Some(("effect", format!("Unsupported value: {effect:?}")));
    }
    let same = |it: &&Value| it["key"] == key && it["effect"] == effect;
    before.iter().find(same).map(|_| ("key", "Duplicate value".into()))
}

fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(a, b)| (Some(a), b));
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_subdomain(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-.".contains(it);
    !text.is_empty() && text.len() <= 253 && text.chars().all(fits)
}

fn is_label_value(text: &str) -> bool {
    let inside = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let ends = |it: Option<char>| it.is_none_or(|it| it.is_ascii_alphanumeric());
    let mut characters = text.chars();
    text.len() <= 63
        && text.chars().all(inside)
        && ends(characters.next())
        && ends(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of the documentation of labels.
    #[test]
    fn label_values_are_those_of_the_documentation() {
        for good in ["", "a", "4.19.0-x_y", &"a".repeat(63)] {
            assert!(is_label_value(good), "{good}");
        }
        for bad in ["-a", "a-", "a+b", "a b", &"a".repeat(64)] {
            assert!(!is_label_value(bad), "{bad}");
        }
        assert!(is_qualified("bpfready.io/ebpf") && !is_qualified("bpfready.io/"));
    }
}
