//! What Cilium keeps in the API server.

use serde::{Deserialize, Serialize};

use super::meta::Meta;
use super::selector::LabelSelector;
use super::text::{Interner, Labels, Trim};

/// The group of Cilium's API.
pub const GROUP: &str = "cilium.io";

/// A CiliumNode: only that it is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CiliumNode {
    /// Its name is the Node's.
    pub metadata: Meta,
}

impl Trim for CiliumNode {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.labels = Labels::default();
        self.metadata.trim(interner);
    }
}

/// A CiliumNodeConfig: configuration for some nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CiliumNodeConfig {
    /// Its name.
    pub metadata: Meta,
    /// For which nodes, and what.
    pub spec: CiliumNodeConfigSpec,
}

/// `spec` of a CiliumNodeConfig.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CiliumNodeConfigSpec {
    /// For which nodes.
    pub node_selector: LabelSelector,
    /// Keys of the ConfigMap that it overrides.
    pub defaults: Labels,
}

impl Trim for CiliumNodeConfig {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
    }
}

/// The ConfigMap `cilium-config`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CiliumConfig {
    /// Keys of the agent's configuration.
    pub data: Labels,
}

/// A CustomResourceDefinition: only that it is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crd {
    /// Its name is `plural.group`; Cilium's carry `io.cilium.k8s.crd.schema.version`.
    pub metadata: Meta,
}

impl Crd {
    /// Whether it belongs to a group.
    pub fn is_of(&self, group: &str) -> bool {
        self.metadata.name.split_once('.').is_some_and(|(_, it)| it == group)
    }
}

impl Trim for Crd {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
    }
}
