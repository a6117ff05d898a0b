//! Sets of field paths: `FieldsV1` in `managedFields`, and what two versions of an object differ in.
//!
//! Source of the format:
//! <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#fieldsv1-v1-meta>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::schema::{Schema, Shape};

/// Elements as in `FieldsV1`: `f:name`, `k:{"type":"Ready"}`, `v:"value"`.
pub(super) type Path = Vec<String>;

/// Fields that one manager owns.
pub(super) type FieldSet = BTreeSet<Path>;

/// What stands at one path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node<'a> {
    /// A struct, map or list whose members are fields of their own.
    Container,
    /// One element of a keyed list or set.
    Item,
    /// A scalar, an atomic list or map, or an empty one.
    Leaf(&'a Value),
}

/// Every path of `value`, the root left out.
pub(super) fn flatten<'a>(schema: &'a Schema, value: &'a Value) -> BTreeMap<Path, Node<'a>> {
    let mut walk = Walk { schema, found: BTreeMap::new() };
    walk.value(value, &mut String::new(), &mut Vec::new());
    walk.found
}

/// What somebody who applies `value` owns.
pub(super) fn owned(schema: &Schema, value: &Value) -> FieldSet {
    let all = flatten(schema, value).into_iter();
    all.filter(|(_, node)| *node != Node::Container).map(|(path, _)| path).collect()
}

struct Walk<'a> {
    schema: &'a Schema,
    found: BTreeMap<Path, Node<'a>>,
}

impl<'a> Walk<'a> {
    fn value<'v: 'a>(&mut self, value: &'v Value, dotted: &mut String, path: &mut Path) {
        match value {
            Value::Object(map) if !map.is_empty() => self.map(value, map, dotted, path),
            Value::Array(list) if !list.is_empty() => self.list(value, list, dotted, path),
            _ => self.put(path, Node::Leaf(value)),
        }
    }

    fn map<'v: 'a>(
        &mut self,
        value: &'v Value,
        map: &'v Map<String, Value>,
        dotted: &mut String,
        path: &mut Path,
    ) {
        if self.schema.shape(dotted, false) == Shape::Atomic {
            return self.put(path, Node::Leaf(value));
        }
        self.put(path, Node::Container);
        for (key, child) in map {
            let length = push(dotted, key);
            path.push(format!("f:{key}"));
            self.value(child, dotted, path);
            path.pop();
            dotted.truncate(length);
        }
    }

    fn list<'v: 'a>(
        &mut self,
        value: &'v Value,
        list: &'v [Value],
        dotted: &mut String,
        path: &mut Path,
    ) {
        let shape = self.schema.shape(dotted, true);
        if matches!(shape, Shape::Atomic | Shape::Granular) {
            return self.put(path, Node::Leaf(value));
        }
        self.put(path, Node::Container);
        for child in list {
            let length = push(dotted, "[]");
            path.push(element(shape, child));
            self.value(child, dotted, path);
            // After the descent: an element is an item also when it is a scalar or atomic.
            self.item(path, child, shape, dotted);
            path.pop();
            dotted.truncate(length);
        }
    }

    fn item<'v: 'a>(&mut self, path: &Path, child: &'v Value, shape: Shape, dotted: &str) {
        let atomic = shape == Shape::Set || self.schema.shape(dotted, false) == Shape::Atomic;
        self.put(path, if atomic { Node::Leaf(child) } else { Node::Item });
    }

    fn put(&mut self, path: &Path, node: Node<'a>) {
        if !path.is_empty() {
            self.found.insert(path.clone(), node);
        }
    }
}

fn push(dotted: &mut String, key: &str) -> usize {
    let length = dotted.len();
    if length > 0 {
        dotted.push('.');
    }
    dotted.push_str(key);
    length
}

/// The path element of one member of a keyed list or a set.
pub(super) fn element(shape: Shape, child: &Value) -> String {
    let Shape::Keyed(keys) = shape else {
        return format!("v:{child}");
    };
    // Sorted by name, as the real server writes them; a port's protocol defaults to TCP.
    let keys: BTreeMap<&str, Value> = keys
        .iter()
        .filter_map(|key| {
            let default = (*key == "protocol").then(|| Value::from("TCP"));
            Some((*key, child.get(key).cloned().or(default)?))
        })
        .collect();
    format!("k:{}", serde_json::to_string(&keys).expect("strings and numbers serialise"))
}

/// `FieldsV1` of a set.
pub(super) fn encode(set: &FieldSet) -> Value {
    let mut root = Map::new();
    for path in set {
        let mut at = &mut root;
        for part in path {
            let entry = at.entry(part.clone()).or_insert_with(|| Value::Object(Map::new()));
            at = entry.as_object_mut().expect("only maps are put in");
        }
        at.insert(".".into(), Value::Object(Map::new()));
    }
    for child in root.values_mut() {
        leaves_without_dot(child);
    }
    Value::Object(root)
}

/// A member without members below it is `{}`, not `{".":{}}`.
fn leaves_without_dot(value: &mut Value) {
    let Value::Object(map) = value else { return };
    if map.len() == 1 && map.contains_key(".") {
        map.clear();
    }
    for (_, child) in map.iter_mut().filter(|(key, _)| *key != ".") {
        leaves_without_dot(child);
    }
}

/// The set that `FieldsV1` writes.
pub(super) fn decode(value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(value, &mut Vec::new(), &mut set);
    set
}

fn collect(value: &Value, path: &mut Path, set: &mut FieldSet) {
    let Value::Object(map) = value else { return };
    if map.is_empty() && !path.is_empty() {
        set.insert(path.clone());
    }
    for (key, child) in map {
        if key == "." {
            set.insert(path.clone());
            continue;
        }
        path.push(key.clone());
        collect(child, path, set);
        path.pop();
    }
}

/// A path as messages show it: `.status.conditions[type="Ready"].status`.
pub(super) fn display(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        match part.split_at(2) {
            ("k:", keys) => text.push_str(&display_keys(keys)),
            ("v:", value) => text.push_str(&format!("[={value}]")),
            (_, name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

fn display_keys(keys: &str) -> String {
    let parsed: BTreeMap<String, Value> = serde_json::from_str(keys).unwrap_or_default();
    let pairs: Vec<_> = parsed.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("[{}]", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The example of the Kubernetes documentation of server-side apply has this form.
    #[test]
    fn an_item_of_a_keyed_list_is_owned_with_its_fields() {
        let node = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let set = owned(&Schema::of("", "nodes"), &node);
        let want = json!({"f:status": {"f:conditions": {
            "k:{\"type\":\"Ready\"}": {".": {}, "f:status": {}, "f:type": {}},
        }}});
        assert_eq!(encode(&set), want);
        assert_eq!(decode(&want), set);
    }

    #[test]
    fn taints_are_one_leaf() {
        let node = json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}});
        let set = owned(&Schema::of("", "nodes"), &node);
        assert_eq!(encode(&set), json!({"f:spec": {"f:taints": {}}}));
    }

    #[test]
    fn paths_read_as_in_conflict_messages() {
        let path = ["f:status", "f:conditions", "k:{\"type\":\"Ready\"}", "f:status"];
        let path: Vec<_> = path.iter().map(ToString::to_string).collect();
        assert_eq!(display(&path), ".status.conditions[type=\"Ready\"].status");
    }
}
