//! Karpenter's objects, in whichever version the API server serves them.

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Taint, condition};
use super::meta::Meta;
use super::selector::Expression;
use super::text::{Interner, Labels, Text, Trim, null_is_default};

/// The group of Karpenter's API.
pub const GROUP: &str = "karpenter.sh";

/// A NodePool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodePool {
    /// Group and version in which it was read; in the items of a list set by the reader.
    pub api_version: Text,
    /// Name, labels.
    pub metadata: Meta,
    /// What it makes.
    pub spec: NodePoolSpec,
}

/// `spec` of a NodePool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodePoolSpec {
    /// The node it makes.
    pub template: NodeTemplate,
    /// When it takes nodes away.
    pub disruption: Disruption,
    /// How much it may make: resource and amount.
    pub limits: Labels,
    /// Preference among pools; `None`: 0.
    pub weight: Option<u32>,
}

/// The node that a pool makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeTemplate {
    /// What every node gets.
    pub metadata: NodeTemplateMeta,
    /// How it is made.
    pub spec: NodeTemplateSpec,
}

/// What every node of a pool gets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeTemplateMeta {
    /// Labels.
    pub labels: Labels,
}

/// How a node of a pool is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeTemplateSpec {
    /// The cloud's part.
    pub node_class_ref: NodeClassRef,
    /// Which nodes are allowed.
    #[serde(deserialize_with = "null_is_default")]
    pub requirements: Vec<Expression>,
    /// Taints that stay.
    #[serde(deserialize_with = "null_is_default")]
    pub taints: Vec<Taint>,
    /// Taints that somebody removes when the node can be used.
    #[serde(deserialize_with = "null_is_default")]
    pub startup_taints: Vec<Taint>,
    /// Longest life.
    pub expire_after: Text,
}

/// The cloud's part of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeClassRef {
    /// API group; required since v1.
    pub group: Text,
    /// Kind; required since v1.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// v1beta1 only.
    pub api_version: Text,
}

/// When a pool takes nodes away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disruption {
    /// `WhenEmpty`, `WhenEmptyOrUnderutilized`, `Balanced`; v1beta1: `WhenUnderutilized`.
    pub consolidation_policy: Text,
    /// How long a node must be worth it before it goes, such as `0s`, which is v1's default.
    pub consolidate_after: Text,
    /// v1beta1 only: moved to the template in v1.
    pub expire_after: Text,
}

impl Trim for NodePool {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        interner.share(&mut self.api_version);
        let NodeTemplate { metadata, spec } = &mut self.spec.template;
        interner.rename_keys(&mut metadata.labels);
        spec.requirements.iter_mut().for_each(|it| interner.rename(&mut it.key));
        let taints = spec.taints.iter_mut().chain(&mut spec.startup_taints);
        taints.for_each(|it| it.trim(interner));
    }
}

/// A NodeClaim.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeClaim {
    /// Name, and the pool as label `karpenter.sh/nodepool`.
    pub metadata: Meta,
    /// How far it is.
    pub status: NodeClaimStatus,
}

/// `status` of a NodeClaim.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeClaimStatus {
    /// The node that came of it; empty: none yet.
    pub node_name: Text,
    /// `Launched`, `Registered`, `Initialized`, …
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Vec<Condition>,
}

/// The label that names the pool, on NodeClaims and Nodes.
pub const POOL_LABEL: &str = "karpenter.sh/nodepool";

impl NodeClaim {
    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        condition(&self.status.conditions, kind)
    }

    /// The pool it belongs to.
    pub fn pool(&self) -> Option<&Text> {
        self.metadata.labels.get(POOL_LABEL)
    }
}

impl Trim for NodeClaim {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        interner.share(&mut self.status.node_name);
        let wanted = ["Launched", "Registered", "Initialized", "Drifted"];
        self.status.conditions.retain(|it| wanted.iter().any(|kind| it.kind == *kind));
        self.status.conditions.shrink_to_fit();
        self.status.conditions.iter_mut().for_each(|it| it.trim(interner));
    }
}
