//! Who else on the node changes routes and rules.

use crate::facts::Observed;
use crate::judge::datapath::netfilter::few;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::{Cni, Issue};

pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    [networkd(story), cloud_setup(story), rules_gone(story), net_utils(story)]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether this node's datapath rests on rules or routes of its own on AWS.
fn rests_on_rules(story: &Story<'_, '_>) -> bool {
    let aws = [Cni::AwsVpcCni, Cni::AwsVpcCniCilium];
    let eni = story.present.cni == Cni::Cilium && story.present.modes.mode == "eni";
    eni || aws.iter().any(|it| story.present.carries_any(*it))
}

/// networkd deletes what it did not make, by default (amazon-vpc-cni-k8s#3309, amazon-eks-ami#1678).
fn networkd(story: &Story<'_, '_>) -> Option<Issue> {
    let networkd = &story.scene.facts.networkd;
    let units = story.scene.facts.agents.units.known()?;
    let runs = units.get("systemd-networkd.service")?.active == Observed::Known(true);
    let deletes = [
        (&networkd.manage_foreign_routes, "ManageForeignRoutes"),
        (&networkd.manage_foreign_rules, "ManageForeignRoutingPolicyRules"),
    ];
    let on: Vec<String> = deletes
        .into_iter()
        .filter(|it| it.0.known().is_some_and(|it| it.value))
        .map(|it| format!("{} is on", it.1))
        .collect();
    (runs && !on.is_empty() && rests_on_rules(story)).then(|| {
        Issue::conflict("networkd-deletes-rules", "systemd-networkd", "systemd-networkd deletes the routes and rules of the datapath when it restarts (amazon-vpc-cni-k8s#3309)")
            .advisory()
            .remedy("Set ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no in a file of /etc/systemd/networkd.conf.d.")
            .evidence(on)
    })
}

/// Rules of NetworkManager's nm-cloud-setup (`docs/troubleshooting.md` of the VPC CNI).
fn cloud_setup(story: &Story<'_, '_>) -> Option<Issue> {
    let own = story.scene.fib.rules().filter(|it| matches!(it.priority, 30200 | 30400));
    let rules: Vec<String> = own.map(|it| format!("rule {}", it.priority)).collect();
    (!rules.is_empty() && rests_on_rules(story)).then(|| {
        Issue::conflict("nm-cloud-setup-rules", Party::NetworkManager.as_str(), "nm-cloud-setup made rules that take pods' packets away")
            .remedy("systemctl disable --now nm-cloud-setup.service nm-cloud-setup.timer, then reboot the node.")
            .evidence([few(&rules)])
    })
}

/// Pods with a route and without the rule to it: something deleted the rules
/// (amazon-vpc-cni-k8s#3309). Their absence is no sign of another datapath.
fn rules_gone(story: &Story<'_, '_>) -> Option<Issue> {
    let scene = story.scene;
    scene.facts.network.rules.known()?;
    let aws = |cni| matches!(cni, Cni::AwsVpcCni | Cni::AwsVpcCniCilium);
    let ruled = |address| {
        let mut rules = scene.fib.rules().filter(|it| it.priority == 512);
        rules.any(|it| it.to.is_some_and(|to| to.is_host() && to.address == address))
    };
    let lost: Vec<_> = story
        .present
        .traced
        .iter()
        .filter(|it| aws(it.cni) && !it.hop.by_input_rule)
        .filter(|it| it.hop.route.is_some_and(|hit| !ruled(hit.route.destination.address)))
        .map(|it| it.hop.pod.called.clone())
        .collect();
    (!lost.is_empty()).then(|| {
        Issue::conflict("aws-pod-rules-gone", "aws-vpc-cni", format!("{} pods have a route and not the rule 512 to it: something deleted it, and the VPC CNI does not repair it (amazon-vpc-cni-k8s#3309)", lost.len()))
            .remedy("Set ManageForeignRoutingPolicyRules=no for systemd-networkd, then recreate the pods or the node.")
            .evidence([few(&lost)])
    })
}

/// amazon-ec2-net-utils removes the local rule that was moved (cilium#24397).
fn net_utils(story: &Story<'_, '_>) -> Option<Issue> {
    let Observed::Known(Some(file)) = &story.scene.facts.networkd.ec2_net_utils else {
        return None;
    };
    let moved = matches!(story.present.cni, Cni::Cilium | Cni::AwsVpcCniCilium);
    (moved && rests_on_rules(story)).then(|| {
        Issue::conflict(
            "ec2-net-utils-rules",
            "amazon-ec2-net-utils",
            "amazon-ec2-net-utils removes routing rules that Cilium rests on (cilium#24397)",
        )
        .advisory()
        .remedy("Remove the package amazon-ec2-net-utils, or disable its policy-routes@ units.")
        .evidence([file.clone()])
    })
}
