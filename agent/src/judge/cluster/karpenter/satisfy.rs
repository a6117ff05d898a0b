//! Rule `selectors-satisfiable`: whatever a Deployment asks of its nodes, some NodePool can make or
//! some node has that Karpenter does not make.

use crate::facts::Observed;
use crate::facts::cluster::karpenter::{NodePool, POOL_LABEL};
use crate::facts::cluster::pod::PodSpec;
use crate::facts::cluster::selector::{Expression, NodeSelectorTerm, Operator};
use crate::facts::cluster::workload::Deployment;
use crate::facts::cluster::{Cluster, Labels, Text};
use crate::judge::cluster::compute::Compute;
use crate::judge::cluster::findings::{ClusterFinding, Grade, Rule, Scene, count};

const RULE: Rule = Rule::new("selectors-satisfiable", "SelectorNotSatisfiable", Grade::Warning);

/// Keys that Karpenter or its clouds fill in themselves, so a pool need not name them.
const WELL_KNOWN: &[&str] = &[
    "beta.kubernetes.io/",
    "eks.amazonaws.com/instance-",
    "failure-domain.beta.kubernetes.io/",
    "karpenter.azure.com/",
    "karpenter.k8s.aws/",
    "karpenter.sh/capacity-type",
    "karpenter.sh/initialized",
    "karpenter.sh/registered",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/windows-build",
    "topology.k8s.aws/zone-id",
    "topology.kubernetes.io/",
];

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let pools = match &scene.cluster.node_pools {
        Observed::Unknown(_) => return RULE.undetermined("the NodePools could not be listed"),
        Observed::Known(None) => return RULE.not_applicable("the API server serves no NodePools"),
        Observed::Known(Some(pools)) if pools.is_empty() => {
            return RULE.not_applicable("there is no NodePool");
        }
        Observed::Known(Some(pools)) => pools,
    };
    let Some(deployments) = scene.cluster.deployments.known() else {
        return RULE.undetermined("the Deployments could not be listed");
    };
    if scene.cluster.nodes.known().is_none() {
        return RULE.undetermined("the nodes could not be listed: one may have what is asked for");
    }
    let lost: Vec<(&Deployment, String)> =
        deployments.iter().filter_map(|it| Some((it, why_not(scene, pools, it)?))).collect();
    if lost.is_empty() {
        return RULE.pass("every Deployment's node selector can be satisfied");
    }
    RULE.fail(
        format!("{} can get no node of any NodePool", count(lost.len(), "Deployment")),
        "Declare the label in a NodePool's template (a new pool replaces no nodes); a label that is \
         written after boot makes no node.",
    )
    .because(lost.iter().take(20).map(|(it, why)| format!("{}: {why}", object(it))))
    .about(lost.iter().map(|(it, _)| object(it)))
}

fn object(it: &Deployment) -> Text {
    format!("Deployment/{}/{}", it.metadata.namespace, it.metadata.name).into()
}

/// Why no pool will do; `None`: one will, or a node does that no pool made.
fn why_not(scene: &Scene<'_>, pools: &[NodePool], deployment: &Deployment) -> Option<String> {
    let spec = &deployment.spec.template.spec;
    let (selector, terms) = asked_by(spec);
    if (selector.is_empty() && terms.is_empty()) || on_other_nodes(scene, &selector, terms) {
        return None;
    }
    if pools.iter().any(|it| fits(it, &selector, terms)) {
        return None;
    }
    let asked = selector.iter().chain(terms.iter().flat_map(|it| &it.match_expressions));
    let undeclared = asked.filter(|it| !pools.iter().any(|pool| fit(pool, it)));
    let words: Vec<String> = undeclared.map(words).collect();
    Some(match words.is_empty() {
        true => "no pool has all that it asks for together".to_owned(),
        false => format!("no pool has {}", words.join(", ")),
    })
}

/// What a pod asks of its node's labels: its selector as expressions, and its affinity's alternatives.
fn asked_by(spec: &PodSpec) -> (Vec<Expression>, &[NodeSelectorTerm]) {
    let exact = |(key, value): (&Text, &Text)| Expression {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    };
    let terms = spec.affinity.as_ref().map_or(&[][..], |it| it.terms());
    (spec.node_selector.iter().map(exact).collect(), terms)
}

fn fits(pool: &NodePool, selector: &[Expression], terms: &[NodeSelectorTerm]) -> bool {
    all_fit(pool, selector)
        && (terms.is_empty() || terms.iter().any(|it| all_fit(pool, &it.match_expressions)))
}

/// Whether a pool can make a node that has what such a pod asks for.
pub(super) fn can_make(pool: &NodePool, spec: &PodSpec) -> bool {
    let (selector, terms) = asked_by(spec);
    fits(pool, &selector, terms)
}

fn words(it: &Expression) -> String {
    let values = it.values.iter().map(|it| &**it).collect::<Vec<_>>().join(",");
    match it.operator {
        Operator::In if it.values.len() == 1 => format!("{}={values}", it.key),
        operator => format!("{} {operator:?} [{values}]", it.key),
    }
}

/// Nodes that Karpenter does not make are there or not, whatever the pools say.
fn on_other_nodes(scene: &Scene<'_>, selector: &[Expression], terms: &[NodeSelectorTerm]) -> bool {
    let nodes = Cluster::known(&scene.cluster.nodes).iter().zip(scene.nodes);
    let mut others = nodes.filter(|(_, line)| line.compute != Compute::Karpenter).map(|it| it.0);
    let holds =
        |labels: &Labels, all: &[Expression]| all.iter().all(|it| it.holds(labels.get(&it.key)));
    others.any(|node| {
        let labels = &node.metadata.labels;
        let by_term =
            terms.is_empty() || terms.iter().any(|it| holds(labels, &it.match_expressions));
        holds(labels, selector) && by_term
    })
}

fn all_fit(pool: &NodePool, expressions: &[Expression]) -> bool {
    expressions.iter().all(|it| fit(pool, it))
}

/// `Compatible` of Karpenter's `pkg/scheduling/requirements.go`: a key that is not well known must be
/// declared, unless the pod asks for its absence.
fn fit(pool: &NodePool, asked: &Expression) -> bool {
    if asked.key == POOL_LABEL {
        return asked.holds(Some(&pool.metadata.name));
    }
    let template = &pool.spec.template;
    if let Some(value) = template.metadata.labels.get(&asked.key) {
        return asked.holds(Some(value));
    }
    let mut declared =
        template.spec.requirements.iter().filter(|it| it.key == asked.key).peekable();
    if declared.peek().is_none() {
        let absent = matches!(asked.operator, Operator::NotIn | Operator::DoesNotExist);
        return absent || WELL_KNOWN.iter().any(|it| asked.key.starts_with(it));
    }
    declared.all(|it| overlap(it, asked))
}

/// Whether some value fulfils both.
fn overlap(pool: &Expression, asked: &Expression) -> bool {
    match (pool.operator, asked.operator) {
        (Operator::In, _) => pool.values.iter().any(|it| asked.holds(Some(it))),
        (_, Operator::In) => asked.values.iter().any(|it| pool.holds(Some(it))),
        (Operator::DoesNotExist, operator) => {
            matches!(operator, Operator::NotIn | Operator::DoesNotExist)
        }
        (_, Operator::DoesNotExist) => pool.operator == Operator::NotIn,
        // Both leave out values or bound numbers: some value is left.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads as a literal where it is called")]
    fn pool(template: serde_json::Value) -> NodePool {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "p"}, "spec": {"template": template}
        }))
        .unwrap()
    }

    fn asks(operator: Operator, values: &[&str]) -> Expression {
        let values = values.iter().map(|it| Text::from(*it)).collect();
        Expression { key: "example.io/datapath".into(), operator, values }
    }

    fn requires(operator: &str, values: &[&str]) -> NodePool {
        pool(serde_json::json!({"spec": {"requirements": [
            {"key": "example.io/datapath", "operator": operator, "values": values}
        ]}}))
    }

    /// The table of § 4.4 of the facts on Karpenter.
    #[test]
    fn a_pods_selector_fits_as_karpenter_says() {
        let cilium = asks(Operator::In, &["cilium"]);
        assert!(!fit(&pool(serde_json::json!({})), &cilium));
        let labels = serde_json::json!({"metadata": {"labels": {"example.io/datapath": "cilium"}}});
        assert!(fit(&pool(labels), &cilium));
        assert!(fit(&requires("In", &["cilium"]), &cilium));
        assert!(fit(&requires("In", &["cilium", "vpc-cni"]), &cilium));
        assert!(!fit(&requires("In", &["vpc-cni"]), &cilium));
        assert!(fit(&requires("Exists", &[]), &cilium));
        assert!(fit(&pool(serde_json::json!({})), &asks(Operator::NotIn, &["bad"])));
        assert!(fit(&pool(serde_json::json!({})), &asks(Operator::DoesNotExist, &[])));
    }

    #[test]
    fn well_known_keys_need_no_declaration_unless_a_pool_narrows_them() {
        let zone = |values: &[&str]| Expression {
            key: "topology.kubernetes.io/zone".into(),
            ..asks(Operator::In, values)
        };
        assert!(fit(&pool(serde_json::json!({})), &zone(&["eu-west-1a"])));
        let narrowed = pool(serde_json::json!({"spec": {"requirements": [
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1b"]}
        ]}}));
        assert!(!fit(&narrowed, &zone(&["eu-west-1a"])));
    }
}
