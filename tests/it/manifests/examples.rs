//! Kinds that are not Kubernetes' own, by the fields that their projects document.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::documents::{file, title};
use super::schema;

/// Why a document of a custom kind is not one.
pub(super) fn custom(kind: &str, document: &Value) -> Option<String> {
    match kind {
        "PodMonitor" => known::<Object<PodMonitor>>(document),
        "PrometheusRule" => known::<Object<PrometheusRule>>(document),
        "NodePool" => known::<Object<NodePool>>(document),
        "NodeReadinessRule" => known::<Object<NodeReadinessRule>>(document),
        other => Some(format!("{other} is not a kind that is shipped")),
    }
}

fn known<'a, T: Deserialize<'a>>(document: &'a Value) -> Option<String> {
    T::deserialize(document).err().map(|it| it.to_string())
}

macro_rules! fields {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[expect(dead_code, reason = "what matters is which fields there are")]
        struct $name { $($field: $kind),* }
    )*};
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "what matters is which fields there are")]
struct Object<Spec> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

type Strings = BTreeMap<String, String>;

fields! {
    Metadata {
        name: String, namespace: Option<String>, labels: Option<Strings>,
        annotations: Option<Strings>,
    }
    // prometheus-operator, Documentation/api-reference/api.md, v1.
    PodMonitor { selector: LabelSelector, pod_metrics_endpoints: Vec<Endpoint> }
    LabelSelector { match_labels: Option<Strings>, match_expressions: Option<Vec<Expression>> }
    Expression { key: String, operator: String, values: Option<Vec<String>> }
    Endpoint {
        port: String, path: String, interval: String, scheme: Option<String>,
        tls_config: Option<Value>, authorization: Option<Authorization>,
        honor_labels: Option<bool>, relabelings: Vec<Relabeling>,
    }
    Authorization { r#type: Option<String>, credentials: SecretKey }
    SecretKey { name: String, key: String, optional: Option<bool> }
    Relabeling {
        source_labels: Option<Vec<String>>, target_label: String, replacement: Option<String>,
    }
    PrometheusRule { groups: Vec<Group> }
    Group { name: String, rules: Vec<Rule> }
    Rule { alert: String, expr: String, r#for: String, labels: Strings, annotations: Strings }
    // karpenter, pkg/apis/v1/nodepool.go.
    NodePool {
        template: NodeClaimTemplate, disruption: Option<Disruption>,
        limits: Option<BTreeMap<String, Value>>, weight: Option<u8>,
    }
    NodeClaimTemplate { metadata: Option<TemplateMetadata>, spec: NodeClaimSpec }
    TemplateMetadata { labels: Option<Strings>, annotations: Option<Strings> }
    NodeClaimSpec {
        node_class_ref: NodeClassRef, requirements: Vec<Requirement>,
        taints: Option<Vec<Taint>>, startup_taints: Option<Vec<Taint>>,
        expire_after: Option<String>, termination_grace_period: Option<String>,
    }
    NodeClassRef { group: String, kind: String, name: String }
    Requirement { key: String, operator: String, values: Option<Vec<String>>, min_values: Option<u8> }
    Taint { key: String, value: Option<String>, effect: String }
    Disruption {
        consolidation_policy: Option<String>, consolidate_after: String,
        budgets: Option<Vec<Value>>,
    }
    // node-readiness-controller, api/v1alpha1/nodereadinessrule_types.go.
    NodeReadinessRule {
        conditions: Vec<RequiredCondition>, enforcement_mode: String, taint: Taint,
        node_selector: LabelSelector, dry_run: Option<bool>,
    }
    RequiredCondition { r#type: String, required_status: String }
}

fn karpenter() -> Vec<Value> {
    let dir = bpfready_tests::root().join("manifests/examples/karpenter");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let files = paths.iter().filter(|it| it.extension().is_some_and(|it| it == "yaml"));
    files.flat_map(|it| file(it)).collect()
}

fn of_kind<'a>(documents: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    documents.iter().filter(move |it| it["kind"] == kind)
}

#[test]
fn every_example_is_strictly_one_of_its_kind() {
    let documents = karpenter();
    assert!(documents.len() >= 5, "{}", documents.len());
    for document in documents {
        assert_eq!(schema::complaint(&document), None, "{}", title(&document));
    }
}

/// Served by no Karpenter since 1.1: `v1beta1`. A pod's selector that no pool's template names
/// never makes a node.
#[test]
fn what_a_workload_selects_some_pool_promises() {
    let documents = karpenter();
    let promised: Vec<&Value> = of_kind(&documents, "NodePool")
        .inspect(|it| assert_eq!(it["apiVersion"], "karpenter.sh/v1"))
        .map(|it| &it["spec"]["template"]["metadata"]["labels"])
        .collect();
    let mut selectors = 0;
    for workload in of_kind(&documents, "Deployment") {
        let selector = workload["spec"]["template"]["spec"]["nodeSelector"].as_object().unwrap();
        let is_promised =
            |labels: &Value| selector.iter().all(|(key, value)| labels[key] == *value);
        assert!(promised.iter().any(|it| is_promised(it)), "{}", title(workload));
        selectors += 1;
    }
    assert!(selectors > 0, "there is an example of a workload");
}

/// A promise without a gate lets pods onto a node before anything was verified; a verified label in
/// a template would be Karpenter's word, not the agent's.
#[test]
fn every_pool_that_promises_also_gates_and_verifies_nothing_itself() {
    for pool in of_kind(&karpenter(), "NodePool") {
        let template = &pool["spec"]["template"];
        let labels = template["metadata"]["labels"].as_object().unwrap();
        assert!(labels.contains_key("bpfready.io/expect-datapath"), "{}", title(pool));
        for verified in ["ebpf", "datapath", "service-proxy", "cilium-capable", "cilium-ready"] {
            assert!(!labels.contains_key(&format!("bpfready.io/{verified}")), "{}", title(pool));
        }
        let taints = template["spec"]["startupTaints"].as_array().unwrap();
        let gated = |key: &str| taints.iter().any(|it| it["key"] == key);
        assert!(
            gated("bpfready.io/not-ready") || gated("readiness.k8s.io/bpfready"),
            "{}",
            title(pool)
        );
        assert!(gated("node.cilium.io/agent-not-ready"), "{}", title(pool));
        assert_eq!(
            template["spec"]["taints"],
            Value::Null,
            "every pod would have to tolerate them"
        );
    }
}

/// The controller of the rule knows no node that has no agent: it would taint Fargate for ever.
#[test]
fn the_readiness_rule_leaves_fargate_out() {
    let documents = karpenter();
    let rule = of_kind(&documents, "NodeReadinessRule").next().unwrap();
    assert_eq!(rule["apiVersion"], "readiness.node.x-k8s.io/v1alpha1");
    assert!(rule["spec"]["taint"]["key"].as_str().unwrap().starts_with("readiness.k8s.io/"));
    let expected = serde_json::json!(
        [{"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}]
    );
    assert_eq!(rule["spec"]["nodeSelector"]["matchExpressions"], expected);
}
