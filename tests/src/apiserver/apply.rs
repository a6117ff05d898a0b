//! Server-side apply and field ownership: who owns a field, who is asked before it changes, and
//! what disappears when its owner no longer names it.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{self, FieldSet, Node, Path};
use super::managers::{Manager, Managers, Operation};
use super::schema::{Schema, Shape};

/// Fields of another manager that an apply without `force` would have changed.
pub(super) type Conflicts = Vec<(Manager, Path)>;

/// Which fields one (sub)resource ignores, as everything below these paths.
pub(super) type Reset = &'static [&'static str];

/// Object metadata that no manager owns.
const UNOWNED: &[&str] = &[
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What one apply needs to know besides the objects.
pub(super) struct Applier<'a> {
    pub schema: &'a Schema,
    pub reset: Reset,
    pub manager: &'a Manager,
    pub force: bool,
}

impl Applier<'_> {
    /// `live` with `config` applied; `managers` as they are afterwards.
    ///
    /// # Errors
    ///
    /// The fields of others that it would have changed.
    pub(super) fn apply(
        &self,
        live: &Value,
        config: &Value,
        managers: &mut Managers,
    ) -> Result<Value, Conflicts> {
        let merged = merge(self.schema, live, config, &mut String::new());
        let mut mine = fields::owned(self.schema, config);
        mine.retain(|path| !is_reset(self.reset, path) && !is_unowned(path));
        let last = managers.insert(self.manager.clone(), mine).unwrap_or_default();
        let pruned = prune(self.schema, merged, &last, managers);
        let difference = Difference::between(self.schema, live, &pruned, self.reset);
        let conflicts = conflicts(&difference, managers, self.manager);
        if !conflicts.is_empty() && !self.force {
            return Err(conflicts);
        }
        take_from_others(&difference, managers, self.manager);
        managers.retain(|_, set| !set.is_empty());
        Ok(pruned)
    }
}

/// Gives `manager` what an update, patch or create changed.
pub(super) fn update(
    schema: &Schema,
    reset: Reset,
    live: &Value,
    new: &Value,
    manager: &Manager,
    managers: &mut Managers,
) -> bool {
    let difference = Difference::between(schema, live, new, reset);
    // Also from its own earlier set: what is removed has no owner.
    let Difference { changed, removed } = &difference;
    take_from_others(&difference, managers, manager);
    let gained = !changed.is_empty();
    let mine = managers.entry(manager.clone()).or_default();
    mine.retain(|path| !removed.contains(path));
    mine.extend(changed.iter().cloned());
    managers.retain(|_, set| !set.is_empty());
    gained
}

/// What differs between two versions of an object.
struct Difference {
    /// Added or modified.
    changed: FieldSet,
    removed: FieldSet,
}

impl Difference {
    fn between(schema: &Schema, old: &Value, new: &Value, reset: Reset) -> Self {
        let (old, new) = (fields::flatten(schema, old), fields::flatten(schema, new));
        let counts = |path: &Path| !is_reset(reset, path) && !is_unowned(path);
        let changed = new.iter().filter(|(path, node)| is_changed(old.get(*path), **node));
        let changed = changed.map(|(path, _)| path.clone()).filter(counts).collect();
        let removed = old.keys().filter(|it| !new.contains_key(*it));
        let removed = removed.filter(|it| counts(it)).cloned().collect();
        Self { changed, removed }
    }
}

fn is_changed(old: Option<&Node<'_>>, new: Node<'_>) -> bool {
    match (old, new) {
        (None, _) => true,
        (Some(Node::Leaf(old)), Node::Leaf(new)) => *old != new,
        (Some(_), Node::Leaf(_)) => true,
        (Some(_), Node::Container | Node::Item) => false,
    }
}

fn is_reset(reset: Reset, path: &[String]) -> bool {
    reset.iter().any(|it| {
        let mut parts = it.split('.').zip(path);
        it.split('.').count() <= path.len() && parts.all(|(want, is)| is[2..] == *want)
    })
}

fn is_unowned(path: &[String]) -> bool {
    match path {
        [only] => matches!(only.as_str(), "f:apiVersion" | "f:kind" | "f:metadata"),
        [first, second, ..] => first == "f:metadata" && UNOWNED.contains(&&second[2..]),
        [] => true,
    }
}

fn conflicts(difference: &Difference, managers: &Managers, me: &Manager) -> Conflicts {
    let others = managers.iter().filter(|(manager, _)| *manager != me);
    others
        .flat_map(|(manager, set)| {
            set.intersection(&difference.changed).map(|path| (manager.clone(), path.clone()))
        })
        .collect()
}

fn take_from_others(difference: &Difference, managers: &mut Managers, me: &Manager) {
    let Difference { changed, removed } = difference;
    for (_, set) in managers.iter_mut().filter(|(manager, _)| *manager != me) {
        set.retain(|path| !changed.contains(path) && !removed.contains(path));
    }
}

/// `live` with every field that `config` names.
fn merge(schema: &Schema, live: &Value, config: &Value, dotted: &mut String) -> Value {
    match (live, config) {
        (Value::Object(live), Value::Object(config))
            if schema.shape(dotted, false) == Shape::Granular =>
        {
            Value::Object(merge_map(schema, live, config, dotted))
        }
        (Value::Array(live), Value::Array(config)) => match schema.shape(dotted, true) {
            Shape::Atomic | Shape::Granular => Value::Array(config.clone()),
            shape => Value::Array(merge_list(schema, shape, live, config, dotted)),
        },
        _ => config.clone(),
    }
}

fn merge_map(
    schema: &Schema,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
    dotted: &mut String,
) -> Map<String, Value> {
    let mut merged = live.clone();
    for (key, new) in config {
        let length = dotted.len();
        if length > 0 {
            dotted.push('.');
        }
        dotted.push_str(key);
        let value = live.get(key).map_or_else(|| new.clone(), |it| merge(schema, it, new, dotted));
        merged.insert(key.clone(), value);
        dotted.truncate(length);
    }
    merged
}

/// In the order of the live list; what is new comes after it.
fn merge_list(
    schema: &Schema,
    shape: Shape,
    live: &[Value],
    config: &[Value],
    dotted: &mut String,
) -> Vec<Value> {
    let length = dotted.len();
    dotted.push_str(".[]");
    let mut merged = live.to_vec();
    for new in config {
        let element = fields::element(shape, new);
        match merged.iter_mut().find(|it| fields::element(shape, it) == element) {
            Some(old) => *old = merge(schema, old, new, dotted),
            None => merged.push(new.clone()),
        }
    }
    dotted.truncate(length);
    merged
}

/// Removes what the applier named last time, and now neither it nor anybody else does.
fn prune(schema: &Schema, merged: Value, last: &FieldSet, managers: &Managers) -> Value {
    let gone: FieldSet = last
        .iter()
        .filter(|path| !managers.values().any(|set| owns_within(set, path)))
        .cloned()
        .collect();
    if gone.is_empty() {
        return merged;
    }
    remove(schema, merged, &gone, &mut Vec::new(), &mut String::new()).unwrap_or_default()
}

/// The path itself, or something below it.
fn owns_within(set: &FieldSet, path: &Path) -> bool {
    set.range(path.clone()..).next().is_some_and(|it| it.starts_with(path))
}

/// `None`: nothing of it is left.
fn remove(
    schema: &Schema,
    value: Value,
    gone: &FieldSet,
    path: &mut Path,
    dotted: &mut String,
) -> Option<Value> {
    if gone.contains(path) {
        return None;
    }
    if !owns_within(gone, path) && !path.is_empty() {
        return Some(value);
    }
    let length = dotted.len();
    let kept = match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, child) in map {
                path.push(format!("f:{key}"));
                dotted.push_str(if length > 0 { "." } else { "" });
                dotted.push_str(&key);
                let child = remove(schema, child, gone, path, dotted);
                kept.extend(child.map(|it| (key, it)));
                dotted.truncate(length);
                path.pop();
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(list) => {
            let shape = schema.shape(dotted, true);
            dotted.push_str(".[]");
            let mut kept = Vec::new();
            for child in list {
                path.push(fields::element(shape, &child));
                kept.extend(remove(schema, child, gone, path, dotted));
                path.pop();
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        scalar => Some(scalar),
    };
    dotted.truncate(length);
    kept
}

/// What a failed apply says of its conflicts: one line, and one cause a field.
pub(super) fn describe(conflicts: &Conflicts) -> (String, Vec<Value>) {
    let name = |manager: &Manager| {
        let mut text = format!("{:?}", manager.name);
        if !manager.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", manager.subresource));
        }
        if manager.operation == Operation::Update {
            text.push_str(&format!(" using {}", manager.api_version));
        }
        text
    };
    let causes = conflicts.iter().map(|(manager, path)| {
        serde_json::json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {}", name(manager)),
            "field": fields::display(path),
        })
    });
    let causes = causes.collect();
    if let [(manager, path)] = conflicts.as_slice() {
        let (manager, path) = (name(manager), fields::display(path));
        let text = format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
        return (text, causes);
    }
    let mut by_manager: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (manager, path) in conflicts {
        by_manager.entry(name(manager)).or_default().push(fields::display(path));
    }
    let lines = by_manager
        .iter()
        .map(|(manager, paths)| format!("conflicts with {manager}:\n- {}", paths.join("\n- ")));
    let lines: Vec<_> = lines.collect();
    let text = format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"));
    (text, causes)
}
