//! The rules about NodePools: their ids, and one cluster finding for each.

use super::{Check, NodePoolReport};
use crate::facts::Observed;
use crate::judge::cluster::findings::{ClusterFinding, Grade, Rule, Scene, count};

pub(super) const OLD_API: Rule = Rule::new("nodepool-v1beta1", "V1Beta1NodePool", Grade::Warning);
pub(super) const TAINT_MISSING: Rule =
    Rule::new("nodepool-startup-taint", "NodePoolMissingStartupTaint", Grade::Warning);
pub(super) const TAINT_MISPLACED: Rule =
    Rule::new("nodepool-taint-misplaced", "NodePoolTaintMisplaced", Grade::Warning);
pub(super) const TAINT_UNOWNED: Rule =
    Rule::new("nodepool-taint-unowned", "NodePoolTaintUnowned", Grade::Warning);
pub(super) const VERIFIED_LABEL: Rule =
    Rule::new("nodepool-verified-label", "NodePoolClaimsVerifiedLabel", Grade::Warning);
pub(super) const OPERATOR_BLOCKED: Rule =
    Rule::new("nodepool-blocks-operator", "CiliumOperatorBlocked", Grade::Warning);
pub(super) const PROMISE_BROKEN: Rule =
    Rule::new("promise-kept", "PromiseMismatch", Grade::Warning);
pub(super) const GATE_STUCK: Rule = Rule::new("gate-opens", "GateStuck", Grade::Warning);

/// A rule and what is said when it holds everywhere.
pub(super) const ALL: &[(Rule, &str)] = &[
    (OLD_API, "every NodePool is written for the v1 API"),
    (TAINT_MISSING, "every NodePool holds pods back until Cilium runs"),
    (TAINT_MISPLACED, "no NodePool has a gate among its lasting taints"),
    (TAINT_UNOWNED, "somebody removes every startup taint"),
    (VERIFIED_LABEL, "no NodePool sets a label that only a measurement can set"),
    (OPERATOR_BLOCKED, "Cilium's operator tolerates every startup taint"),
    (PROMISE_BROKEN, "every node of which something is known keeps its NodePool's promise"),
    (GATE_STUCK, "no node waits at its gate for longer than a start takes"),
];

impl Rule {
    pub(super) fn check(self, message: impl Into<String>, remedy: impl Into<String>) -> Check {
        let Self { id, grade, .. } = self;
        Check { rule: id.to_owned(), grade, message: message.into(), remedy: remedy.into() }
    }
}

/// One finding for one rule.
pub(super) fn finding(
    scene: &Scene<'_>,
    pools: &[NodePoolReport],
    (rule, holds): &(Rule, &str),
) -> ClusterFinding {
    match &scene.cluster.node_pools {
        Observed::Unknown(_) => return rule.undetermined("the NodePools could not be listed"),
        Observed::Known(None) => return rule.not_applicable("the API server serves no NodePools"),
        Observed::Known(Some(pools)) if pools.is_empty() => {
            return rule.not_applicable("there is no NodePool");
        }
        Observed::Known(Some(_)) => {}
    }
    let of = |pool: &NodePoolReport| pool.checks.iter().find(|it| it.rule == rule.id).cloned();
    let failing: Vec<(&NodePoolReport, Check)> =
        pools.iter().filter_map(|pool| Some((pool, of(pool)?))).collect();
    let Some((first, check)) = failing.first() else { return rule.pass(*holds) };
    let message = match failing.len() {
        1 => format!("NodePool {}: {}", first.name, check.message),
        number => format!("{}: {}, …", count(number, "NodePool"), check.message),
    };
    // One pool's message says it all.
    let each = failing.iter().filter(|_| failing.len() > 1);
    rule.fail(message, check.remedy.clone())
        .because(each.map(|(pool, check)| format!("{}: {}", pool.name, check.message)))
        .about(failing.iter().map(|(pool, _)| format!("NodePool/{}", pool.name).into()))
}
