//! The three patches that are not server-side apply: JSON patch, merge patch, strategic merge patch.
//!
//! Source: RFC 6902, RFC 7396 and
//! <https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>

use serde_json::{Map, Value};

use super::fields;
use super::schema::{Schema, Shape};
use super::status::Refusal;

/// Which patch a body is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    /// # Errors
    ///
    /// 415 for any other content type.
    pub(super) fn of(content_type: &str) -> Result<Self, Refusal> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => Err(Refusal::unsupported(format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, \
                 application/apply-patch+yaml (not {other:?})"
            ))),
        }
    }
}

/// RFC 6902 on the object as clients see it.
///
/// # Errors
///
/// 400 for what is no patch; 422 for one that does not fit, such as a `test` that fails.
pub(super) fn json(live: &Value, body: &[u8]) -> Result<Value, Refusal> {
    let patch: json_patch::Patch =
        serde_json::from_slice(body).map_err(|it| Refusal::bad_request(it.to_string()))?;
    let mut new = live.clone();
    json_patch::patch(&mut new, &patch).map_err(|_| {
        let message = "the server rejected our request due to an error in our request";
        Refusal::new(422, "Invalid", message)
    })?;
    Ok(new)
}

/// RFC 7396.
pub(super) fn merge(live: &Value, patch: &Value) -> Value {
    let mut new = live.clone();
    json_patch::merge(&mut new, patch);
    new
}

/// Strategic merge: as a merge patch, but keyed lists merge by their key.
pub(super) fn strategic(schema: &Schema, live: &Value, patch: &Value) -> Value {
    merge_value(schema, live, patch, "")
}

fn merge_value(schema: &Schema, live: &Value, patch: &Value, path: &str) -> Value {
    match (live, patch) {
        (live, Value::Object(patch)) => {
            let empty = Map::new();
            let live = live.as_object().unwrap_or(&empty);
            Value::Object(merge_map(schema, live, patch, path))
        }
        (Value::Array(live), Value::Array(patch)) => match schema.shape(path, true) {
            Shape::Keyed(keys) => Value::Array(merge_list(schema, keys, live, patch, path)),
            Shape::Set => {
                let mut merged = live.clone();
                merged.extend(patch.iter().filter(|it| !live.contains(it)).cloned());
                Value::Array(merged)
            }
            Shape::Atomic | Shape::Granular => Value::Array(patch.clone()),
        },
        _ => patch.clone(),
    }
}

fn merge_map(
    schema: &Schema,
    live: &Map<String, Value>,
    patch: &Map<String, Value>,
    path: &str,
) -> Map<String, Value> {
    let replaces = patch.get("$patch").is_some_and(|it| it == "replace");
    let mut merged = if replaces { Map::new() } else { live.clone() };
    for (key, new) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = new.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = merged.get_mut(list) {
                items.retain(|it| !gone.contains(it));
            }
        } else if key.starts_with('$') {
            // `$setElementOrder` orders what the merge keeps anyway; `$patch` was read above.
        } else if new.is_null() {
            merged.remove(key);
        } else {
            let child = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let old = live.get(key).unwrap_or(&Value::Null);
            merged.insert(key.clone(), merge_value(schema, old, new, &child));
        }
    }
    merged
}

fn merge_list(
    schema: &Schema,
    keys: &'static [&'static str],
    live: &[Value],
    patch: &[Value],
    path: &str,
) -> Vec<Value> {
    // Strategic merge knows one key a list, also where server-side apply knows two.
    let shape = Shape::Keyed(&keys[..1]);
    let mut merged = live.to_vec();
    for new in patch {
        let element = fields::element(shape, new);
        let at = merged.iter().position(|it| fields::element(shape, it) == element);
        match (at, new["$patch"].as_str()) {
            (Some(at), Some("delete")) => drop(merged.remove(at)),
            (None, Some("delete")) => {}
            (Some(at), _) => {
                merged[at] = merge_value(schema, &merged[at], new, &format!("{path}.[]"));
            }
            (None, _) => merged.push(new.clone()),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_merge_by_type_and_taints_are_replaced() {
        let live = json!({"spec": {"taints": [{"key": "a"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let patch = json!({"spec": {"taints": [{"key": "b"}]},
            "status": {"conditions": [{"type": "X", "status": "False"}]}});
        let new = strategic(&Schema::of("", "nodes"), &live, &patch);
        assert_eq!(new["spec"]["taints"], json!([{"key": "b"}]));
        assert_eq!(new["status"]["conditions"].as_array().map(Vec::len), Some(2));
        let gone = json!({"status": {"conditions": [{"type": "X", "$patch": "delete"}]}});
        let new = strategic(&Schema::of("", "nodes"), &new, &gone);
        assert_eq!(new["status"]["conditions"], live["status"]["conditions"]);
    }

    #[test]
    fn a_failed_test_is_422() {
        let body = br#"[{"op":"test","path":"/spec/taints","value":[]}]"#;
        assert_eq!(json(&json!({"spec": {}}), body).expect_err("no taints").code, 422);
    }
}
