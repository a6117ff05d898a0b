//! Rule `hybrid-cilium`: Cilium on nodes beside Fargate works, with limits that people should know.

use super::{ClusterFinding, Grade, Rule, Scene, count};
use crate::facts::cluster::selector::Operator;
use crate::facts::cluster::workload::DaemonSet;
use crate::judge::cluster::compute::COMPUTE_TYPE;
use crate::judge::cluster::presence::cilium_daemon_set;
use crate::judge::cluster::recommendation::wish;
use crate::judge::report::Ternary;

const RULE: Rule = Rule::new("hybrid-cilium", "HybridCilium", Grade::Info);

/// § 6.3 of the facts: what follows from no agent on the Fargate side.
const LIMITS: [&str; 5] = [
    "Fargate pods have no Cilium identity: no CiliumNetworkPolicy and no Hubble there, and rules of other nodes see them as addresses, not as labels",
    "in overlay mode Fargate pods and the control plane cannot reach pod addresses of EC2 nodes; in ENI mode they can",
    "Fargate's own kube-proxy keeps serving Services there; keep its configuration when kube-proxy is replaced elsewhere",
    "Cilium's operator restarts CoreDNS pods that have no endpoint of Cilium, which those on Fargate never have, unless operator.unmanagedPodWatcher.restart is false",
    "security groups must let Fargate pods (the cluster's group) and EC2 nodes reach each other, CoreDNS first",
];

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let wish = wish(scene.policy, scene.presence);
    let are_there = (scene.presence.cilium, scene.presence.fargate);
    match are_there {
        (Ternary::Yes, Ternary::Yes) => {}
        // Whoever asks for both is told before they meet.
        _ if (wish.cilium, wish.fargate) == (Ternary::Yes, Ternary::Yes) => {}
        (Ternary::Unknown, Ternary::Yes | Ternary::Unknown) | (Ternary::Yes, Ternary::Unknown) => {
            return RULE.undetermined("whether Cilium and Fargate meet here could not be read");
        }
        (Ternary::No, _) | (_, Ternary::No) => {
            return RULE.not_applicable("Cilium and Fargate do not meet here");
        }
    }
    let remedy = match cilium_daemon_set(scene.cluster) {
        Some(it) if leaves_out_fargate(it) => String::new(),
        _ => format!("Give Cilium's DaemonSet the node affinity `{COMPUTE_TYPE} NotIn [fargate]`."),
    };
    let message = match are_there {
        (Ternary::Yes, Ternary::Yes) => {
            format!("Cilium runs beside {}", count(scene.fargate.nodes, "Fargate node"))
        }
        _ => "Cilium is asked for beside Fargate; it will carry the pods of other nodes alone"
            .to_owned(),
    };
    RULE.fail(message, remedy).because(LIMITS.map(str::to_owned))
}

/// Whether its affinity keeps it from Fargate nodes in every alternative.
pub(super) fn leaves_out_fargate(daemon_set: &DaemonSet) -> bool {
    let spec = &daemon_set.spec.template.spec;
    let terms = spec.affinity.as_ref().map_or(&[][..], |it| it.terms());
    let leaves_out = |it: &crate::facts::cluster::selector::Expression| {
        let named = it.values.iter().any(|value| value == "fargate");
        it.key == COMPUTE_TYPE
            && match it.operator {
                Operator::NotIn => named,
                Operator::In => !named,
                Operator::DoesNotExist => true,
                Operator::Exists | Operator::Gt | Operator::Lt | Operator::Other => false,
            }
    };
    let by_selector = spec.node_selector.get(COMPUTE_TYPE).is_some_and(|it| it != "fargate");
    let by_terms =
        !terms.is_empty() && terms.iter().all(|it| it.match_expressions.iter().any(leaves_out));
    by_selector || by_terms
}
