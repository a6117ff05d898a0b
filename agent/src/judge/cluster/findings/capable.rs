//! Rule `target-capable`: the Cilium in question can run on every node whose platform allows it.

use std::collections::BTreeMap;

use super::{ClusterFinding, Grade, Rule, Scene, count, node_object};
use crate::facts::cluster::Text;
use crate::judge::cluster::nodes::NodeLine;
use crate::judge::cluster::recommendation::wish;
use crate::judge::report::Ternary;

const ASKED: Rule = Rule::new("target-capable", "TargetCapable", Grade::Error);
/// Nobody asks for Cilium: worth knowing before somebody does.
const NOT_ASKED: Rule = Rule { grade: Grade::Warning, ..ASKED };

pub(super) fn check(scene: &Scene<'_>) -> ClusterFinding {
    let wanted = wish(scene.policy, scene.presence).cilium == Ternary::Yes;
    let rule = if wanted || scene.policy.target.is_some() { ASKED } else { NOT_ASKED };
    if scene.cluster.nodes.known().is_none() {
        return rule.undetermined("the nodes could not be listed");
    }
    let target = scene.target;
    let eligible: Vec<&NodeLine> = scene.nodes.iter().filter(|it| it.allows_cilium).collect();
    if eligible.is_empty() {
        return rule.not_applicable("no node's platform allows Cilium");
    }
    let of = |wanted| eligible.iter().copied().filter(move |it| it.cilium_capable == wanted);
    let (no, unknown): (Vec<_>, Vec<_>) =
        (of(Ternary::No).collect(), of(Ternary::Unknown).collect());
    let all = count(eligible.len(), "node");
    if !no.is_empty() {
        return rule
            .fail(
                format!("Cilium {target} cannot run on {} of {all}", no.len()),
                "Look at `bpfready check` on one of them: each reason has its remedy there.",
            )
            .because(reasons(&no))
            .about(no.iter().map(|it| node_object(&it.name)));
    }
    if !unknown.is_empty() {
        let words =
            format!("whether Cilium {target} can run on {} of {all} is unknown", unknown.len());
        return rule
            .undetermined(words)
            .because(reasons(&unknown))
            .about(unknown.iter().map(|it| node_object(&it.name)));
    }
    rule.pass(format!("Cilium {target} can run on all {all} whose platform allows it"))
}

/// Each reason, the pools it is in, and how many nodes have it; the commonest first.
fn reasons(nodes: &[&NodeLine]) -> Vec<String> {
    let mut by_reason: BTreeMap<&Text, (usize, Vec<String>)> = BTreeMap::new();
    for node in nodes {
        let place = place(node);
        for reason in &node.why {
            let (number, places) = by_reason.entry(reason).or_default();
            *number += 1;
            if !places.contains(&place) {
                places.push(place.clone());
            }
        }
    }
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by_key(|(_, (number, _))| std::cmp::Reverse(*number));
    let told = reasons.into_iter().map(|(reason, (number, places))| {
        format!("{reason}: {} ({})", count(number, "node"), places.join(", "))
    });
    told.collect()
}

fn place(node: &NodeLine) -> String {
    match &node.pool {
        Some(pool) => format!("{} {pool}", node.compute.title()),
        None => node.compute.title().to_owned(),
    }
}
