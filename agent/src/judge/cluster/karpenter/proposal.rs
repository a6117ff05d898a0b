//! A NodePool that promises and gates correctly, made of one that is there.

use super::is_auto_mode;
use super::lint::VERIFIED;
use super::promise::PROMISE;
use super::taints::{CILIUM_TAINT, OUR_TAINT};
use crate::facts::cluster::condition::Taint;
use crate::facts::cluster::karpenter::{GROUP, NodeClassRef, NodePool};
use crate::facts::cluster::selector::{Expression, Operator};
use crate::facts::cluster::{Cluster, Text};

/// What is proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The new pool.
    pub pool: NodePool,
    /// The pool it is made of; `None`: there is none of that name.
    pub of: Option<Text>,
    /// The pools that are there, where `of` is none of them.
    pub others: Vec<Text>,
    /// How many nodes the same change to the old pool would replace; `None`: its NodeClaims could
    /// not be counted.
    pub rolls: Option<usize>,
    /// What is different from the old pool, one sentence each; empty: it is as it should be.
    pub changes: Vec<String>,
}

/// Proposes a pool for Cilium in place of `name`.
pub fn proposal(cluster: &Cluster, name: &str) -> Proposal {
    let pools = Cluster::known_kind(&cluster.node_pools);
    let old = pools.iter().find(|it| it.metadata.name == name);
    let mut changes = Vec::new();
    let mut pool = old.cloned().unwrap_or_default();
    pool.metadata = crate::facts::cluster::Meta {
        name: if old.is_some() { format!("{name}-cilium").into() } else { name.into() },
        ..Default::default()
    };
    auto_mode(&mut pool, &mut changes);
    api(&mut pool, &mut changes);
    labels(&mut pool, &mut changes);
    requirements(&mut pool, &mut changes);
    taints(&mut pool, &mut changes);
    if old.is_some() && !changes.is_empty() {
        changes.insert(0, format!("A new pool beside {name}: no node of {name} is replaced."));
    }
    let rolls = old.map(|it| {
        let claims =
            cluster.node_claims.known().map(|_| super::claims_of(cluster, &it.metadata.name));
        claims.map(Iterator::count)
    });
    let others = match old {
        Some(_) => Vec::new(),
        None => pools.iter().map(|it| it.metadata.name.clone()).collect(),
    };
    let of = old.map(|it| it.metadata.name.clone());
    Proposal { pool, of, others, rolls: rolls.flatten(), changes }
}

/// A gate of Cilium on nodes of EKS Auto Mode would never open: they are paid for and take no pods.
fn auto_mode(pool: &mut NodePool, changes: &mut Vec<String>) {
    if !is_auto_mode(pool) {
        return;
    }
    let template = &mut pool.spec.template.spec;
    template.node_class_ref = NodeClassRef {
        group: "karpenter.k8s.aws".into(),
        kind: "EC2NodeClass".into(),
        name: "default".into(),
        api_version: Text::default(),
    };
    for it in &mut template.requirements {
        if let Some(name) = it.key.strip_prefix("eks.amazonaws.com/instance-") {
            it.key = format!("karpenter.k8s.aws/instance-{name}").into();
        }
    }
    changes.push(
        "EKS Auto Mode supports no other CNI than its own: this pool is one for a Karpenter of your \
         own, with an EC2NodeClass that you name."
            .to_owned(),
    );
}

fn api(pool: &mut NodePool, changes: &mut Vec<String>) {
    let version = format!("{GROUP}/v1");
    if pool.api_version != *version && !pool.api_version.is_empty() {
        changes.push(format!("Written for {version}; it was {}.", pool.api_version));
    }
    pool.api_version = version.into();
    let class = &mut pool.spec.template.spec.node_class_ref;
    if class.group.is_empty() || class.kind.is_empty() {
        changes.push("nodeClassRef names group and kind, which v1 demands.".to_owned());
        *class = NodeClassRef {
            group: "karpenter.k8s.aws".into(),
            kind: "EC2NodeClass".into(),
            name: if class.name.is_empty() { "default".into() } else { class.name.clone() },
            api_version: Text::default(),
        };
    }
    class.api_version = Text::default();
    let disruption = &mut pool.spec.disruption;
    if disruption.consolidation_policy == "WhenUnderutilized" {
        changes.push("consolidationPolicy is called WhenEmptyOrUnderutilized now.".to_owned());
        disruption.consolidation_policy = "WhenEmptyOrUnderutilized".into();
    }
    // v1 demands it beside a policy; v1beta1 took it only with WhenEmpty.
    if !disruption.consolidation_policy.is_empty() && disruption.consolidate_after.is_empty() {
        disruption.consolidate_after = "0s".into();
    }
    if !disruption.expire_after.is_empty() {
        changes.push("expireAfter is a field of the template now.".to_owned());
        pool.spec.template.spec.expire_after = std::mem::take(&mut disruption.expire_after);
    }
}

fn labels(pool: &mut NodePool, changes: &mut Vec<String>) {
    let labels = &mut pool.spec.template.metadata.labels;
    labels.retain(|key| !VERIFIED.contains(&key));
    if !labels.is(PROMISE, "cilium") {
        changes.push(format!(
            "Promises {PROMISE}=cilium: pods select it, Karpenter makes nodes for it."
        ));
        let others = labels.iter().filter(|(key, _)| *key != PROMISE);
        let others = others.map(|(key, value)| (key.clone(), value.clone()));
        *labels = others.chain([(PROMISE.into(), "cilium".into())]).collect();
    }
}

fn requirements(pool: &mut NodePool, changes: &mut Vec<String>) {
    let requirements = &mut pool.spec.template.spec.requirements;
    let before = requirements.len();
    requirements.retain(|it| !VERIFIED.contains(&&*it.key) && it.key != PROMISE);
    if requirements.len() < before {
        changes.push("Requires no label that only a measurement can set.".to_owned());
    }
    // A newer Karpenter's operator, whose name is not known here.
    let is_known = |it: &Expression| it.operator != Operator::Other;
    for it in requirements.iter().filter(|it| !is_known(it)) {
        changes.push(format!(
            "NOT copied: the requirement on {}; its operator is not known here.",
            it.key
        ));
    }
    requirements.retain(is_known);
    if !requirements.iter().any(|it| it.key == "kubernetes.io/os") {
        let linux = Expression {
            key: "kubernetes.io/os".into(),
            operator: Operator::In,
            values: vec!["linux".into()],
        };
        requirements.insert(0, linux);
        changes.push("Only Linux.".to_owned());
    }
}

fn taints(pool: &mut NodePool, changes: &mut Vec<String>) {
    let template = &mut pool.spec.template.spec;
    let is_gate = |it: &Taint| it.key == CILIUM_TAINT || it.key == OUR_TAINT;
    if template.taints.iter().any(is_gate) {
        changes.push("The gate is a startup taint, not a lasting one.".to_owned());
        template.taints.retain(|it| !is_gate(it));
    }
    let gates = [
        (CILIUM_TAINT, "true", "NoExecute", "Cilium's operator removes it when its agent runs"),
        (OUR_TAINT, "", "NoSchedule", "the agent of bpfready removes it when the node is verified"),
    ];
    for (key, value, effect, who) in gates {
        if !template.startup_taints.iter().any(|it| it.key == key) {
            changes.push(format!("Holds pods back with {key}: {who}."));
            let taint = Taint { key: key.into(), value: value.into(), effect: effect.into() };
            template.startup_taints.push(taint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed's NodePool: v1beta1, no group and kind, nothing promised and nothing gated.
    #[test]
    fn an_old_pool_becomes_one_that_promises_and_gates() {
        let old: NodePool = serde_json::from_value(serde_json::json!({
            "apiVersion": "karpenter.sh/v1beta1",
            "metadata": {"name": "gpu-training"},
            "spec": {
                "template": {"spec": {
                    "nodeClassRef": {"name": "default"},
                    "requirements": [
                        {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["p", "g"]},
                        {"key": "bpfready.io/ebpf", "operator": "Exists"}
                    ],
                    "taints": [{"key": CILIUM_TAINT, "value": "true", "effect": "NoExecute"}]
                }},
                "disruption": {"consolidationPolicy": "WhenUnderutilized", "expireAfter": "720h"}
            }
        }))
        .unwrap();
        let mut cluster = crate::judge::cluster::sample::empty();
        cluster.node_pools = crate::facts::Observed::Known(Some(vec![old]));
        let Proposal { pool, of, rolls, .. } = proposal(&cluster, "gpu-training");
        assert_eq!(of.as_deref(), Some("gpu-training"));
        assert_eq!(rolls, Some(0));
        assert_eq!(
            (&*pool.metadata.name, &*pool.api_version),
            ("gpu-training-cilium", "karpenter.sh/v1")
        );
        let template = &pool.spec.template;
        assert_eq!(&*template.spec.node_class_ref.kind, "EC2NodeClass");
        assert!(template.metadata.labels.is(PROMISE, "cilium"));
        assert_eq!(template.spec.expire_after, "720h");
        assert!(template.spec.taints.is_empty());
        let gates: Vec<String> =
            template.spec.startup_taints.iter().map(ToString::to_string).collect();
        assert_eq!(
            gates,
            ["node.cilium.io/agent-not-ready=true:NoExecute", "bpfready.io/not-ready:NoSchedule"]
        );
        let keys: Vec<&str> = template.spec.requirements.iter().map(|it| &*it.key).collect();
        assert_eq!(keys, ["kubernetes.io/os", "karpenter.k8s.aws/instance-category"]);
    }

    /// `general-purpose` of Auto Mode: a startup taint of Cilium would stay there for ever.
    #[test]
    fn a_pool_of_auto_mode_is_proposed_for_a_karpenter_of_ones_own() {
        let old: NodePool = serde_json::from_value(serde_json::json!({
            "apiVersion": "karpenter.sh/v1", "metadata": {"name": "general-purpose"},
            "spec": {"template": {"spec": {
                "nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"},
                "requirements": [
                    {"key": "eks.amazonaws.com/instance-category", "operator": "In", "values": ["c"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "Near", "values": ["x"]}
                ]
            }}}
        }))
        .unwrap();
        let mut cluster = crate::judge::cluster::sample::empty();
        cluster.node_pools = crate::facts::Observed::Known(Some(vec![old]));
        let Proposal { pool, changes, .. } = proposal(&cluster, "general-purpose");
        let template = &pool.spec.template.spec;
        assert_eq!(&*template.node_class_ref.group, "karpenter.k8s.aws");
        let keys: Vec<&str> = template.requirements.iter().map(|it| &*it.key).collect();
        assert_eq!(keys, ["kubernetes.io/os", "karpenter.k8s.aws/instance-category"]);
        let told = changes.join("\n");
        assert!(told.contains("EKS Auto Mode supports no other CNI"), "{told}");
        assert!(
            told.contains("NOT copied: the requirement on karpenter.sh/capacity-type"),
            "{told}"
        );
    }
}
