//! DaemonSets, Deployments and policies.

use serde::{Deserialize, Serialize};

use super::meta::Meta;
use super::pod::PodSpec;
use super::selector::LabelSelector;
use super::text::{Interner, Labels, Text, Trim, null_is_default};

/// A DaemonSet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DaemonSet {
    /// Name and labels.
    pub metadata: Meta,
    /// What it runs.
    pub spec: WorkloadSpec,
    /// How far it is.
    pub status: DaemonSetStatus,
}

/// `spec` of a workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkloadSpec {
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pod it makes.
    pub template: Template,
}

/// The pod that a workload makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Its labels and annotations.
    pub metadata: TemplateMeta,
    /// What it runs.
    pub spec: PodSpec,
}

/// `metadata` of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateMeta {
    /// Labels.
    pub labels: Labels,
}

/// `status` of a DaemonSet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DaemonSetStatus {
    /// Nodes that should run a pod of it.
    pub desired_number_scheduled: u32,
    /// Nodes where its pod is Ready.
    pub number_ready: u32,
}

/// A Deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployment {
    /// Name and labels.
    pub metadata: Meta,
    /// What it runs.
    pub spec: WorkloadSpec,
}

impl Deployment {
    /// Whether it says where its pods may run, or is Cilium's operator.
    pub fn is_judged(&self) -> bool {
        let spec = &self.spec.template.spec;
        let placed = !spec.node_selector.is_empty()
            || spec.affinity.as_ref().is_some_and(|it| !it.terms().is_empty());
        placed || self.is_cilium_operator()
    }

    /// Whether it is Cilium's operator.
    pub fn is_cilium_operator(&self) -> bool {
        self.spec.template.metadata.labels.is("io.cilium/app", "operator")
            || self.metadata.name == "cilium-operator"
    }
}

impl Trim for Deployment {
    fn trim(&mut self, interner: &mut Interner) {
        trim_workload(&mut self.metadata, &mut self.spec, interner);
    }
}

impl Trim for DaemonSet {
    fn trim(&mut self, interner: &mut Interner) {
        trim_workload(&mut self.metadata, &mut self.spec, interner);
    }
}

fn trim_workload(metadata: &mut Meta, spec: &mut WorkloadSpec, interner: &mut Interner) {
    metadata.trim(interner);
    interner.share_all(&mut spec.template.metadata.labels);
    interner.rename_keys(&mut spec.template.spec.node_selector);
    if let Some(affinity) = &mut spec.template.spec.affinity {
        affinity.expressions_mut().for_each(|it| interner.rename(&mut it.key));
    }
    spec.template.spec.volumes = Vec::new();
    for container in &mut spec.template.spec.containers {
        interner.share(&mut container.image);
    }
    spec.template.spec.init_containers = Vec::new();
}

/// A NetworkPolicy of Kubernetes, a CiliumNetworkPolicy or a CiliumClusterwideNetworkPolicy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkPolicy {
    /// `NetworkPolicy`, `CiliumNetworkPolicy`, …; empty in the items of a list.
    pub kind: Text,
    /// Name and namespace.
    pub metadata: Meta,
    /// Whom it is about. Cilium allows one rule as `spec` and several as `specs`.
    pub spec: Option<PolicySpec>,
    /// More rules of a Cilium policy.
    #[serde(deserialize_with = "null_is_default")]
    pub specs: Vec<PolicySpec>,
}

/// Whom a policy is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySpec {
    /// Kubernetes' name of it.
    pub pod_selector: Option<LabelSelector>,
    /// Cilium's name of it.
    pub endpoint_selector: Option<LabelSelector>,
}

impl NetworkPolicy {
    /// Whether it is about pods with these labels in this namespace.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        let here = self.metadata.namespace.is_empty() || self.metadata.namespace == namespace;
        let rules = self.spec.iter().chain(&self.specs);
        let mut selectors =
            rules.filter_map(|it| it.pod_selector.as_ref().or(it.endpoint_selector.as_ref()));
        here && selectors.any(|it| it.selects(labels))
    }
}

impl Trim for NetworkPolicy {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        interner.share(&mut self.kind);
    }
}
