//! A stored object: its bytes, and of its content only what selectors and indexes ask for.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::selector::Selector;

/// Namespace (empty for none) and name.
pub(super) type Key = (String, String);

/// One version of one object, as compact as it can be told apart from the others.
#[derive(Debug)]
pub(super) struct Stored {
    pub key: Key,
    pub revision: u64,
    labels: Box<[(Box<str>, Box<str>)]>,
    /// `spec.nodeName`, of pods.
    pub node: Option<Box<str>>,
    /// `status.phase`, of pods.
    phase: Option<Box<str>>,
    /// The members of `metadata`, without the braces and without `resourceVersion`.
    metadata: Box<[u8]>,
    /// The other members of the object, without the braces and its type.
    rest: Box<[u8]>,
}

/// The form in which a client wants an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    /// `PartialObjectMetadata`.
    Metadata,
}

impl Stored {
    /// Takes `resourceVersion` and type out of `object` and serialises the rest.
    pub(super) fn new(mut object: Value, revision: u64) -> Arc<Self> {
        let node = object["spec"]["nodeName"].as_str().map(Into::into);
        let phase = object["status"]["phase"].as_str().map(Into::into);
        let mut map = object.as_object_mut().map(std::mem::take).unwrap_or_default();
        map.remove("kind");
        map.remove("apiVersion");
        let metadata = map.remove("metadata").unwrap_or_default();
        let mut metadata = if let Value::Object(it) = metadata { it } else { Map::new() };
        metadata.remove("resourceVersion");
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
        let key = (text("namespace").to_owned(), text("name").to_owned());
        let labels = metadata.get("labels").and_then(Value::as_object);
        let labels = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())));
        let labels = labels.collect();
        Arc::new(Self {
            key,
            revision,
            labels,
            node,
            phase,
            metadata: members(&metadata),
            rest: members(&map),
        })
    }

    /// The same content under another revision.
    pub(super) fn at(&self, revision: u64) -> Arc<Self> {
        let Self { key, labels, node, phase, metadata, rest, .. } = self;
        Arc::new(Self {
            key: key.clone(),
            revision,
            labels: labels.clone(),
            node: node.clone(),
            phase: phase.clone(),
            metadata: metadata.clone(),
            rest: rest.clone(),
        })
    }

    /// The object, parsed, with its `resourceVersion` and without its type.
    pub(super) fn value(&self) -> Value {
        let mut bytes = Vec::with_capacity(self.size());
        self.write_members(&mut bytes, Form::Full);
        bytes.insert(0, b'{');
        bytes.push(b'}');
        serde_json::from_slice(&bytes).expect("it was serialised by us")
    }

    /// Bytes that the serialised object takes, about.
    pub(super) fn size(&self) -> usize {
        self.metadata.len() + self.rest.len() + 128
    }

    /// Writes the object; with a type (`"kind":…,"apiVersion":…`) or without.
    pub(super) fn write(&self, out: &mut Vec<u8>, form: Form, kind: &str, api_version: &str) {
        out.push(b'{');
        let (kind, api_version) = match form {
            Form::Full => (kind, api_version),
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1"),
        };
        if !kind.is_empty() {
            let head = format!("\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",");
            out.extend_from_slice(head.as_bytes());
        }
        self.write_members(out, form);
        out.push(b'}');
    }

    fn write_members(&self, out: &mut Vec<u8>, form: Form) {
        let revision = format!("\"metadata\":{{\"resourceVersion\":\"{}\"", self.revision);
        out.extend_from_slice(revision.as_bytes());
        if !self.metadata.is_empty() {
            out.push(b',');
            out.extend_from_slice(&self.metadata);
        }
        out.push(b'}');
        if form == Form::Full && !self.rest.is_empty() {
            out.push(b',');
            out.extend_from_slice(&self.rest);
        }
    }

    /// Whether a client with this selector sees the object.
    pub(super) fn is_selected(&self, selector: &Selector) -> bool {
        if selector.is_empty() {
            return true;
        }
        let label = |key: &str| {
            self.labels.iter().find(|(name, _)| &**name == key).map(|(_, value)| &**value)
        };
        selector.matches(label, |field| self.field(field))
    }

    fn field(&self, field: &str) -> String {
        match field {
            "metadata.name" => self.key.1.clone(),
            "metadata.namespace" => self.key.0.clone(),
            "spec.nodeName" => self.node.as_deref().unwrap_or_default().to_owned(),
            "status.phase" => self.phase.as_deref().unwrap_or_default().to_owned(),
            _ => self.deep_field(field),
        }
    }

    /// Any other field: parsed for the question, so that the common ones stay small.
    fn deep_field(&self, field: &str) -> String {
        let object = self.value();
        let found = field.split('.').fold(&object, |at, part| &at[part]);
        match found {
            Value::String(text) => text.clone(),
            // The real server compares booleans as text; absent is false.
            Value::Null if field == "spec.unschedulable" || field == "spec.hostNetwork" => {
                "false".into()
            }
            Value::Null => String::new(),
            Value::Object(_) if field == "source" => {
                found["component"].as_str().unwrap_or_default().into()
            }
            other => other.to_string(),
        }
    }
}

fn members(map: &Map<String, Value>) -> Box<[u8]> {
    let bytes = serde_json::to_vec(map).expect("a JSON value serialises");
    bytes[1..bytes.len() - 1].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_goes_in_comes_out_with_its_revision() {
        let object = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "a"},
            "spec": {"unschedulable": true}});
        let stored = Stored::new(object, 7);
        let want = json!({"metadata": {"name": "a", "resourceVersion": "7"},
            "spec": {"unschedulable": true}});
        assert_eq!(stored.value(), want);
        let mut bytes = Vec::new();
        stored.write(&mut bytes, Form::Metadata, "Node", "v1");
        let partial: Value = serde_json::from_slice(&bytes).expect("it is JSON");
        assert_eq!(partial["kind"], "PartialObjectMetadata");
        assert_eq!(partial.get("spec"), None);
    }
}
