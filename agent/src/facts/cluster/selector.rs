//! Label selectors and node affinity.

use serde::{Deserialize, Serialize};

use super::text::{Labels, Text, null_is_default};

/// Which labels are meant: all of `matchLabels` and all of `matchExpressions`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Exact values.
    pub match_labels: Labels,
    /// Expressions.
    #[serde(deserialize_with = "null_is_default")]
    pub match_expressions: Vec<Expression>,
}

impl LabelSelector {
    /// Whether labels are selected; an empty selector selects everything.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.is(key, value))
            && self.match_expressions.iter().all(|it| it.holds(labels.get(&it.key)))
    }
}

/// One expression about one key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Expression {
    /// The label, or for `matchFields` the field.
    pub key: Text,
    /// How its value is compared.
    pub operator: Operator,
    /// With what.
    #[serde(deserialize_with = "null_is_default")]
    pub values: Vec<Text>,
}

impl Expression {
    /// Whether a value fulfils it; `None`: the label is absent.
    pub fn holds(&self, value: Option<&Text>) -> bool {
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = self.values.first().and_then(|it| number(it));
        let compared = value.and_then(|it| number(it)).zip(bound);
        match self.operator {
            Operator::In => value.is_some_and(|it| self.values.contains(it)),
            Operator::NotIn => value.is_none_or(|it| !self.values.contains(it)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compared.is_some_and(|(value, bound)| value > bound),
            Operator::Lt => compared.is_some_and(|(value, bound)| value < bound),
            Operator::Other => false,
        }
    }
}

/// How an expression compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values; an absent label fulfils it.
    NotIn,
    /// The label is there.
    Exists,
    /// It is not.
    DoesNotExist,
    /// A number above the value.
    Gt,
    /// A number below the value.
    Lt,
    /// A newer operator, which nothing here understands.
    #[default]
    #[serde(other)]
    Other,
}

/// One alternative of a node affinity: all of its expressions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelectorTerm {
    /// About labels.
    #[serde(deserialize_with = "null_is_default")]
    pub match_expressions: Vec<Expression>,
    /// About fields; only `metadata.name` is allowed.
    #[serde(deserialize_with = "null_is_default")]
    pub match_fields: Vec<Expression>,
}

/// `spec.affinity` of a pod, as far as it is judged: the required node affinity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Affinity {
    /// Node affinity.
    pub node_affinity: Option<NodeAffinity>,
}

/// Node affinity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeAffinity {
    /// What a node must have.
    pub required_during_scheduling_ignored_during_execution: Option<RequiredNodes>,
}

/// What a node must have: one of the terms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequiredNodes {
    /// Alternatives.
    #[serde(deserialize_with = "null_is_default")]
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

impl Affinity {
    /// The alternatives a node must fulfil one of; empty: every node will do.
    pub fn terms(&self) -> &[NodeSelectorTerm] {
        let required = self
            .node_affinity
            .as_ref()
            .and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        required.map_or(&[], |it| &it.node_selector_terms)
    }

    /// Every expression about labels, of all alternatives.
    pub(super) fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expression> {
        let required = self
            .node_affinity
            .as_mut()
            .and_then(|it| it.required_during_scheduling_ignored_during_execution.as_mut());
        let terms = required.into_iter().flat_map(|it| &mut it.node_selector_terms);
        terms.flat_map(|it| &mut it.match_expressions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(operator: Operator, values: &[&str]) -> Expression {
        let values = values.iter().map(|it| Text::from(*it)).collect();
        Expression { key: "k".into(), operator, values }
    }

    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>: an absent key
    /// fulfils `NotIn`.
    #[test]
    fn an_absent_label_fulfils_not_in_and_does_not_exist_only() {
        for (operator, holds) in [
            (Operator::In, false),
            (Operator::NotIn, true),
            (Operator::Exists, false),
            (Operator::DoesNotExist, true),
            (Operator::Gt, false),
        ] {
            assert_eq!(expression(operator, &["1"]).holds(None), holds, "{operator:?}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let value = Text::from("10");
        assert!(expression(Operator::Gt, &["9"]).holds(Some(&value)));
        assert!(!expression(Operator::Lt, &["9"]).holds(Some(&value)));
    }

    #[test]
    fn a_newer_operator_is_read_and_never_holds() {
        let text = r#"{"key":"k","operator":"Near","values":null}"#;
        let expression: Expression = serde_json::from_str(text).unwrap();
        assert!(!expression.holds(Some(&"x".into())));
    }
}
