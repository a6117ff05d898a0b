//! Rule `strict-cluster-wide`: no Fargate beside Cilium. Opt-in: neither AWS nor Cilium asks for it;
//! it is the rule of teams who want one datapath for all pods.

use super::{ClusterFinding, Grade, Rule, Scene};
use crate::judge::cluster::Datapaths;
use crate::judge::cluster::recommendation::wish;
use crate::judge::report::Ternary;

const RULE: Rule = Rule::new("strict-cluster-wide", "CiliumAndFargate", Grade::Error);

/// What the rule says when it forbids Cilium: the words of the module it comes from.
pub(in crate::judge::cluster) const WARNING: [&str; 3] = [
    "WARNING: Cilium and Fargate are incompatible.",
    "Cilium has been automatically DISABLED for this cluster.",
    "Using AWS VPC CNI for all pods (including Fargate).",
];

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    if scene.policy.datapaths == Datapaths::Advisory {
        return RULE
            .not_applicable("the policy is advisory: Fargate does not forbid Cilium elsewhere");
    }
    let wish = wish(scene.policy, scene.presence);
    match (wish.cilium, wish.fargate) {
        (Ternary::Yes, Ternary::Yes) => RULE
            .fail(
                WARNING[0],
                "Choose one: Karpenter in place of Fargate, with Cilium; or Fargate, without Cilium.",
            )
            .because(WARNING[1..].iter().map(|it| (*it).to_owned())),
        (Ternary::No, _) => RULE.pass("Cilium is not asked for"),
        (Ternary::Yes, Ternary::No) => RULE.pass("Cilium is asked for, and there is no Fargate"),
        (Ternary::Unknown, _) => RULE.undetermined("whether Cilium is set up could not be read"),
        (_, Ternary::Unknown) => RULE.undetermined("whether there is Fargate could not be read"),
    }
}
