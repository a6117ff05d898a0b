//! Events are one resource in two groups: stored as the core group has them.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>: the
//! `deprecated…` fields are those of the core group.

use serde_json::Value;

use super::types::Resource;

/// Name in the core group, name in `events.k8s.io`.
const NAMES: &[(&str, &str)] = &[
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// Whether objects of this resource are stored under other names.
pub(super) fn are_renamed(resource: &Resource) -> bool {
    resource.group == "events.k8s.io"
}

/// As `resource` shows what is stored.
pub(super) fn shown(resource: &Resource, mut stored: Value) -> Value {
    if are_renamed(resource) {
        rename(&mut stored, |(core, new)| (core, new));
    }
    stored
}

/// As it is stored.
pub(super) fn stored(resource: &Resource, mut shown: Value) -> Value {
    if are_renamed(resource) {
        rename(&mut shown, |(core, new)| (new, core));
    }
    shown
}

fn rename(
    event: &mut Value,
    pair: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Value::Object(map) = event else { return };
    for names in NAMES {
        let (from, to) = pair(*names);
        if let Some(value) = map.remove(from) {
            map.insert(to.into(), value);
        }
    }
}
