//! DaemonSets, Deployments and policies.

use serde::{Deserialize, Serialize};

use super::meta::Meta;
use super::pod::PodSpec;
use super::selector::{Expression, LabelSelector, NodeSelectorTerm, Operator};
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

impl DaemonSet {
    /// Whether it wants a pod on nodes with these labels, whatever their taints.
    pub fn is_meant_for(&self, labels: &Labels) -> bool {
        let spec = &self.spec.template.spec;
        let terms = spec.affinity.as_ref().map_or(&[][..], |it| it.terms());
        let selected = spec.node_selector.iter().all(|(key, value)| labels.is(key, value));
        let fits = |it: &NodeSelectorTerm| {
            it.match_expressions.iter().all(|it| it.holds(labels.get(&it.key)))
        };
        selected && (terms.is_empty() || terms.iter().any(fits))
    }
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
        let mut rules = self.spec.iter().chain(&self.specs);
        here && rules.any(|it| match (&it.pod_selector, &it.endpoint_selector) {
            (Some(selector), _) => selector.selects(labels),
            (None, Some(selector)) => selects_endpoint(selector, namespace, labels),
            (None, None) => false,
        })
    }
}

/// Whether an endpoint selector of Cilium means a pod: its keys may say where a label comes from, and
/// name what is no label of the pod
/// (<https://docs.cilium.io/en/stable/security/policy/language/>, `pkg/labels`).
fn selects_endpoint(selector: &LabelSelector, namespace: &str, labels: &Labels) -> bool {
    let exact = selector.match_labels.iter().map(|(key, value)| Expression {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    });
    let all = exact.chain(selector.match_expressions.iter().cloned());
    all.into_iter().all(|it| {
        let source = it.key.split_once(':');
        let key = source.map_or(&*it.key, |(_, key)| key);
        match source {
            Some(("k8s" | "any" | "", _)) | None if key == "io.kubernetes.pod.namespace" => {
                it.holds(Some(&namespace.into()))
            }
            // Labels of the namespace, of the ServiceAccount, of the cluster: not known here. A policy
            // that may mean a pod is told.
            Some(("k8s" | "any" | "", _)) | None if key.starts_with("io.cilium.k8s.") => true,
            Some(("k8s" | "any" | "", _)) | None => it.holds(labels.get(key)),
            // `reserved:host`, `cidr:…`: no pod has it.
            Some(_) => it.holds(None),
        }
    })
}

impl Trim for NetworkPolicy {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        interner.share(&mut self.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cilium(selector: &serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(serde_json::json!({
            "kind": "CiliumNetworkPolicy", "metadata": {"name": "p", "namespace": "web"},
            "spec": {"endpointSelector": selector}
        }))
        .unwrap()
    }

    /// Forms of the policy language's documentation.
    #[test]
    fn an_endpoint_selector_may_say_where_a_label_comes_from() {
        let labels: Labels = serde_json::from_value(serde_json::json!({"app": "shop"})).unwrap();
        for (selector, wanted) in [
            (serde_json::json!({}), true),
            (serde_json::json!({"matchLabels": {"app": "shop"}}), true),
            (serde_json::json!({"matchLabels": {"k8s:app": "shop"}}), true),
            (serde_json::json!({"matchLabels": {"any:app": "shop"}}), true),
            (serde_json::json!({"matchLabels": {"k8s:app": "other"}}), false),
            (serde_json::json!({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "web"}}), true),
            (serde_json::json!({"matchLabels": {"io.kubernetes.pod.namespace": "db"}}), false),
            (serde_json::json!({"matchLabels": {"reserved:host": ""}}), false),
            (
                serde_json::json!({"matchExpressions": [
                    {"key": "k8s:app", "operator": "In", "values": ["shop"]}
                ]}),
                true,
            ),
        ] {
            assert_eq!(cilium(&selector).selects("web", &labels), wanted, "{selector}");
            assert!(!cilium(&serde_json::json!({})).selects("db", &labels), "another namespace");
        }
    }
}
