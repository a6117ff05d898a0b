//! `metadata` of an object.

use serde::{Deserialize, Serialize};

use super::text::{Interner, Labels, PREFIX, Text, Trim, null_is_default};
use super::time::Time;

/// What identifies and marks an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name; a Node is identified by it, never by its label `kubernetes.io/hostname`.
    pub name: Text,
    /// Namespace; empty for kinds of the cluster.
    pub namespace: Text,
    /// Unique over time: a new object of the same name has another one.
    pub uid: Text,
    /// The version of this state; only while it is read.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub resource_version: Text,
    /// Labels.
    pub labels: Labels,
    /// The annotations that are judged.
    pub annotations: Labels,
    /// When the API server stored it; `None`: a template, or an object of a test.
    pub creation_timestamp: Option<Time>,
    /// When its deletion was asked for; `None`: it was not.
    pub deletion_timestamp: Option<Time>,
    /// Who made it.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Vec<Owner>,
}

/// What has [`Meta`].
pub trait Named {
    /// Its metadata.
    fn meta(&self) -> &Meta;
}

impl Named for super::Node {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Named for super::Pod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// Who made an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owner {
    /// Group and version.
    pub api_version: Text,
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
}

/// Prefixes of annotations that are judged or that we wrote; all others are dropped, because
/// `kubectl.kubernetes.io/last-applied-configuration` alone holds a whole object.
const ANNOTATIONS: &[&str] =
    &[PREFIX, "CapacityProvisioned", "fargate.amazonaws.com/", "kwok.x-k8s.io/", "karpenter.sh/"];

impl Trim for Meta {
    fn trim(&mut self, interner: &mut Interner) {
        interner.rename_keys(&mut self.labels);
        interner.rename_keys(&mut self.annotations);
        self.annotations.retain(|key| ANNOTATIONS.iter().any(|it| key.starts_with(it)));
        self.resource_version = Text::default();
        interner.share_all(&mut self.labels);
        interner.share_all(&mut self.annotations);
        interner.share(&mut self.name);
        interner.share(&mut self.namespace);
        self.owner_references.shrink_to_fit();
        for owner in &mut self.owner_references {
            interner.share(&mut owner.api_version);
            interner.share(&mut owner.kind);
            interner.share(&mut owner.name);
        }
    }
}
