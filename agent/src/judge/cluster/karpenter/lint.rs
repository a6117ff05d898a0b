//! What is wrong with a NodePool as it is written.

use super::taints::{cilium_key, has_remover, is_gate};
use super::{Check, is_auto_mode, promise, rules, satisfy};
use crate::facts::cluster::Cluster;
use crate::facts::cluster::condition::Taint;
use crate::facts::cluster::karpenter::NodePool;
use crate::facts::cluster::selector::Operator;
use crate::judge::cluster::findings::Scene;
use crate::judge::cluster::presence::cilium_daemon_set;
use crate::judge::report::{Release, Ternary};

/// Labels that only a measurement can set; in a template they are a claim that nobody checked.
pub(super) const VERIFIED: [&str; 6] = [
    "bpfready.io/ebpf",
    "bpfready.io/datapath",
    "bpfready.io/service-proxy",
    "bpfready.io/cilium-capable",
    "bpfready.io/cilium-ready",
    "bpfready.io/compute",
];
const ROLLS: &str = "An edit of the template replaces the pool's nodes; `bpfready cluster nodepool` \
                     prints a new pool as the quiet way.";

pub(super) fn checks(scene: &Scene<'_>, pool: &NodePool) -> Vec<Check> {
    let checks = [
        old_api(pool),
        taint_missing(scene, pool),
        taint_misplaced(scene, pool),
        taint_unowned(scene, pool),
        verified_label(pool),
        operator_blocked(scene, pool),
    ];
    checks.into_iter().flatten().collect()
}

/// v1beta1 is not served since Karpenter 1.1; what is written for it fails v1's validation.
fn old_api(pool: &NodePool) -> Option<Check> {
    let class = &pool.spec.template.spec.node_class_ref;
    let disruption = &pool.spec.disruption;
    let signs = [
        (pool.api_version.ends_with("/v1beta1"), "apiVersion karpenter.sh/v1beta1"),
        (class.group.is_empty() || class.kind.is_empty(), "nodeClassRef without group and kind"),
        (
            disruption.consolidation_policy == "WhenUnderutilized",
            "consolidationPolicy WhenUnderutilized (now WhenEmptyOrUnderutilized)",
        ),
        (
            !disruption.expire_after.is_empty(),
            "disruption.expireAfter (now template.spec.expireAfter)",
        ),
    ];
    let found: Vec<&str> = signs.iter().filter(|it| it.0).map(|it| it.1).collect();
    let remedy = "Write it for karpenter.sh/v1: `bpfready cluster nodepool` prints it.";
    (!found.is_empty()).then(|| rules::OLD_API.check(found.join("; "), remedy))
}

/// Without it Karpenter sees a taint that it does not know and buys another node: 68 to 72 % of the
/// NodeClaims were redundant in one measurement (chanzuckerberg/cztack#895).
fn taint_missing(scene: &Scene<'_>, pool: &NodePool) -> Option<Check> {
    let key = cilium_key(scene);
    let template = &pool.spec.template.spec;
    let somewhere = || template.startup_taints.iter().chain(&template.taints);
    let runs = !is_windows(pool) && !is_auto_mode(pool) && has_cilium(scene, pool);
    let wanted = scene.presence.cilium == Ternary::Yes && runs;
    let promised = promise::promise(pool, &[]).is_some_and(|it| it.datapath.contains("cilium"));
    let missing = (wanted || promised) && !somewhere().any(|it| it.key == key);
    missing.then(|| {
        rules::TAINT_MISSING.check(
            format!("no startup taint {key}, so pods can start before Cilium and Karpenter buys nodes too many"),
            format!("Add startupTaints {key}=true:NoExecute. {ROLLS}"),
        )
    })
}

/// Whether Cilium's DaemonSet comes to this pool's nodes: it may be kept to others, such as Hybrid
/// Nodes alone.
fn has_cilium(scene: &Scene<'_>, pool: &NodePool) -> bool {
    let Some(cilium) = cilium_daemon_set(scene.cluster) else { return true };
    satisfy::can_make(pool, &cilium.spec.template.spec)
}

fn is_windows(pool: &NodePool) -> bool {
    let requirements = &pool.spec.template.spec.requirements;
    requirements.iter().any(|it| {
        it.key == "kubernetes.io/os"
            && it.operator == Operator::In
            && it.values.iter().all(|it| it == "windows")
    })
}

fn taint_misplaced(scene: &Scene<'_>, pool: &NodePool) -> Option<Check> {
    let taints = &pool.spec.template.spec.taints;
    let gates: Vec<&Taint> = taints.iter().filter(|it| is_gate(scene, &it.key)).collect();
    (!gates.is_empty()).then(|| {
        rules::TAINT_MISPLACED.check(
            format!(
                "{} among the lasting taints: Karpenter makes nodes only for pods that tolerate it",
                told(&gates)
            ),
            format!("Move it to startupTaints. {ROLLS}"),
        )
    })
}

fn taint_unowned(scene: &Scene<'_>, pool: &NodePool) -> Option<Check> {
    let taints = &pool.spec.template.spec.startup_taints;
    let unowned: Vec<&Taint> =
        taints.iter().filter(|it| has_remover(scene, it) == Ternary::No).collect();
    (!unowned.is_empty()).then(|| {
        rules::TAINT_UNOWNED.check(
            format!("nobody that is known here removes {}", told(&unowned)),
            format!("Install what removes it, or take it out. {ROLLS}"),
        )
    })
}

fn told(taints: &[&Taint]) -> String {
    taints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Karpenter writes such a label itself at registration: with `Exists` the value that a pod wishes,
/// and a random number when none does (`Requirement.Any` of `pkg/scheduling/requirement.go`).
fn verified_label(pool: &NodePool) -> Option<Check> {
    let template = &pool.spec.template;
    let labels = template.metadata.labels.iter().map(|(key, _)| key);
    let required = template.spec.requirements.iter();
    let required =
        required.filter(|it| !matches!(it.operator, Operator::NotIn | Operator::DoesNotExist));
    let keys = labels.chain(required.map(|it| &it.key));
    let found: Vec<&str> = keys.filter(|it| VERIFIED.contains(&&***it)).map(|it| &**it).collect();
    (!found.is_empty()).then(|| {
        rules::VERIFIED_LABEL.check(
            format!("{} is set by Karpenter and not by a measurement", found.join(", ")),
            format!("Promise with {} instead and let pods select that. {ROLLS}", promise::PROMISE),
        )
    })
}

/// From 1.18 on the operator's tolerations are an explicit list: another startup taint keeps it off a
/// fresh node, and then nobody removes Cilium's taint either.
fn operator_blocked(scene: &Scene<'_>, pool: &NodePool) -> Option<Check> {
    let old = scene.presence.cilium_release.is_some_and(|it| it < Release::one(18));
    let operator = Cluster::known(&scene.cluster.deployments)
        .iter()
        .find(|it| it.is_cilium_operator())
        .filter(|_| !old)?;
    let tolerations = &operator.spec.template.spec.tolerations;
    let taints = &pool.spec.template.spec.startup_taints;
    let blocking: Vec<&Taint> =
        taints.iter().filter(|taint| !tolerations.iter().any(|it| it.tolerates(taint))).collect();
    // The operator may as well run on nodes that are no pool's.
    let elsewhere = scene.nodes.iter().any(|it| {
        it.allows_cilium && it.compute != crate::judge::cluster::compute::Compute::Karpenter
    });
    (!blocking.is_empty() && !elsewhere).then(|| {
        rules::OPERATOR_BLOCKED.check(
            format!("Cilium's operator does not tolerate {}", told(&blocking)),
            "Add tolerations for it to the operator (Helm value operator.tolerations), or give the \
             operator nodes that no NodePool makes.",
        )
    })
}
