//! A YAML document as a tree that knows its lines.
//!
//! serde-saphyr parses: bounded in depth, nodes and alias expansion, errors with line and column.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::ValuesError;

/// A value and where it stands.
pub(super) type Branch = Spanned<Node>;

/// One YAML node. Scalars keep their text: what they mean depends on the key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Null,
    /// Any scalar, as text.
    Scalar(String),
    /// A sequence.
    List(Vec<Branch>),
    /// A mapping.
    Map(BTreeMap<String, Branch>),
}

impl Node {
    /// What it is, in words for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Deepest nesting that is read; Helm values of Cilium have about eight levels.
const MAX_DEPTH: usize = 32;
/// Most nodes that are read; the whole `values.yaml` of the chart has some thousand.
const MAX_NODES: usize = 50_000;
/// Most aliases that are read.
const MAX_ALIASES: usize = 100;

/// Parses exactly one document.
pub(super) fn parse(text: &str) -> Result<Branch, ValuesError> {
    let budget = serde_saphyr::budget! {
        max_depth: MAX_DEPTH,
        max_nodes: MAX_NODES,
        max_events: 4 * MAX_NODES,
        max_aliases: MAX_ALIASES,
    };
    let options = serde_saphyr::options! { budget: budget, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |it| it.line());
        ValuesError::new(line, format!("expected one YAML document: {error}"))
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
        }
        Ok(Node::Map(map))
    }
}
