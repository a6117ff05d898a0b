//! What the Node's owner promised, and whether it holds.

use super::desired::Desired;
use crate::facts::node_object::NodeObject;

/// How a promise of a datapath stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The datapath is the promised one.
    Kept,
    /// It is another one, or none.
    Broken,
    /// Which one it is could not be told.
    Unknown,
}

impl Promise {
    /// All three, and how a metric label writes them.
    pub const WORDS: [(Self, &'static str); 3] =
        [(Self::Kept, "kept"), (Self::Broken, "broken"), (Self::Unknown, "unknown")];
}

/// The promised datapath and how the promise stands; `None`: nobody promised one.
pub fn promise(desired: &Desired, node: &NodeObject) -> Option<(String, Promise)> {
    let expected = node.labels.get(&desired.promise)?;
    let stands = match desired.datapath.as_str() {
        "unknown" => Promise::Unknown,
        // The contract's own word has a `+`, which no label value can hold.
        actual if actual == expected => Promise::Kept,
        _ => Promise::Broken,
    };
    Some((expected.clone(), stands))
}
