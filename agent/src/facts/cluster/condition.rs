//! Conditions, taints and tolerations: how objects say their state.

use serde::{Deserialize, Serialize};

use super::text::{Interner, Text, Trim};
use super::time::Time;

/// One condition of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Its type, such as `Ready`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`, `False`, `Unknown`.
    pub status: Text,
    /// CamelCase reason.
    pub reason: Text,
    /// A sentence for people.
    pub message: Text,
    /// When `status` last changed.
    pub last_transition_time: Option<Time>,
}

impl Condition {
    /// Whether it is `True`.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

impl Trim for Condition {
    fn trim(&mut self, interner: &mut Interner) {
        interner.rename(&mut self.kind);
        interner.share(&mut self.kind);
        interner.share(&mut self.status);
        interner.share(&mut self.reason);
        interner.share(&mut self.message);
    }
}

/// The condition of this type.
pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|it| it.kind == kind)
}

/// One taint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Taint {
    /// Key.
    pub key: Text,
    /// Value; often empty.
    pub value: Text,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
    pub effect: Text,
}

impl std::fmt::Display for Taint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, value, effect } = self;
        if value.is_empty() {
            return write!(f, "{key}:{effect}");
        }
        write!(f, "{key}={value}:{effect}")
    }
}

impl Trim for Taint {
    fn trim(&mut self, interner: &mut Interner) {
        interner.rename(&mut self.key);
        interner.share(&mut self.key);
        interner.share(&mut self.value);
        interner.share(&mut self.effect);
    }
}

/// One toleration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// Key; empty with `Exists`: every taint.
    pub key: Text,
    /// `Exists` or `Equal`; empty is `Equal`.
    pub operator: Text,
    /// Value for `Equal`.
    pub value: Text,
    /// Effect; empty: every effect.
    pub effect: Text,
}

impl Toleration {
    /// Whether a pod with this toleration may run on a node with this taint: `ToleratesTaint` of
    /// `k8s.io/api/core/v1`.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let effect = self.effect.is_empty() || self.effect == taint.effect;
        let key = self.key.is_empty() || self.key == taint.key;
        let value = match &*self.operator {
            "Exists" => true,
            _ => !self.key.is_empty() && self.value == taint.value,
        };
        effect && key && value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_without_key_tolerates_everything_only_with_exists() {
        let taint = Taint { key: "a".into(), value: "b".into(), effect: "NoSchedule".into() };
        let exists = Toleration { operator: "Exists".into(), ..Toleration::default() };
        assert!(exists.tolerates(&taint));
        assert!(!Toleration::default().tolerates(&taint));
        let equal = Toleration { key: "a".into(), value: "b".into(), ..Toleration::default() };
        assert!(equal.tolerates(&taint));
        let other = Toleration { effect: "NoExecute".into(), ..equal };
        assert!(!other.tolerates(&taint));
    }
}
