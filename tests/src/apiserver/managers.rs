//! `metadata.managedFields`: who owns which field, as it is written in an object.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{self, FieldSet};

/// One line of `managedFields`; applying and updating are two managers, also under one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub name: String,
    pub operation: Operation,
    pub subresource: String,
    pub api_version: String,
}

/// How the fields were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// All managers of an object.
pub(super) type Managers = BTreeMap<Manager, FieldSet>;

/// When each of them last changed something, RFC 3339.
pub(super) type Times = BTreeMap<Manager, String>;

/// Takes `managedFields` out of `object`.
pub(super) fn take(object: &mut Value) -> (Managers, Times) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let entries = metadata.and_then(|it| it.remove("managedFields"));
    let entries = entries.as_ref().and_then(Value::as_array).map(Vec::as_slice);
    let (mut managers, mut times) = (Managers::new(), Times::new());
    for entry in entries.unwrap_or_default() {
        let manager = manager(entry);
        let time = entry["time"].as_str().map(ToOwned::to_owned);
        times.extend(time.map(|it| (manager.clone(), it)));
        managers.insert(manager, fields::decode(&entry["fieldsV1"]));
    }
    (managers, times)
}

fn manager(entry: &Value) -> Manager {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let operation = match entry["operation"].as_str() {
        Some("Apply") => Operation::Apply,
        _ => Operation::Update,
    };
    Manager {
        name: text("manager"),
        operation,
        subresource: text("subresource"),
        api_version: text("apiVersion"),
    }
}

/// Writes them into `object`; an object without any has no `managedFields`.
pub(super) fn put(object: &mut Value, managers: &Managers, times: &Times) {
    let mut entries: Vec<(&str, Value)> = managers
        .iter()
        .map(|(manager, set)| {
            let time = times.get(manager).map_or("", String::as_str);
            (time, entry(manager, set, time))
        })
        .collect();
    // Appliers first, then by time: the order of the real server.
    entries.sort_by(|(a, x), (b, y)| {
        let (x, y) = (x["operation"].as_str(), y["operation"].as_str());
        x.cmp(&y).then_with(|| a.cmp(b))
    });
    let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && !entries.is_empty()
    {
        metadata.insert("managedFields".into(), Value::Array(entries));
    }
}

fn entry(manager: &Manager, set: &FieldSet, time: &str) -> Value {
    let Manager { name, operation, subresource, api_version } = manager;
    let operation = match operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    let mut entry = json!({
        "manager": name,
        "operation": operation,
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields::encode(set),
    });
    if !subresource.is_empty() {
        entry["subresource"] = subresource.as_str().into();
    }
    entry
}
