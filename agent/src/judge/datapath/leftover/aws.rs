//! What the AWS VPC CNI and its network policy agent leave.

use super::{Left, chains, left, links, pins, programs, tables};
use crate::facts::Observed;
use crate::facts::routes::{Rule, RuleAction};
use crate::judge::datapath::fib::MAIN;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

const LEFT: [Left; 6] = [
    Left {
        id: "aws-snat-chains-left",
        party: Party::AwsVpcCni,
        find: |story| chains(story, &["AWS-SNAT-CHAIN", "AWS-CONNMARK-CHAIN"]),
        harms: true,
        message: "the AWS VPC CNI is gone and its chains still translate and mark what pods send (cilium#25804, #28676, #30497)",
        remedy: "iptables-save -t nat | grep AWS-, then iptables -t nat -F and -X each chain after removing the jump from POSTROUTING; Cilium's value cni.iptablesRemoveAWSRules does it at its start; or reboot the node.",
    },
    Left {
        id: "aws-nft-table-left",
        party: Party::AwsVpcCni,
        find: |story| tables(story, "aws-cni"),
        harms: true,
        message: "the AWS VPC CNI is gone and its nftables table still overwrites packet marks; iptables-save does not show it (amazon-vpc-cni-k8s#3872)",
        remedy: "nft delete table ip aws-cni",
    },
    Left {
        id: "aws-mangle-rules-left",
        party: Party::AwsVpcCni,
        find: mangle_rules,
        harms: true,
        message: "the AWS VPC CNI is gone and its rules still mark packets of NodePorts in mangle PREROUTING",
        remedy: "iptables -t mangle -S PREROUTING | grep 'AWS, primary ENI', and delete each rule; or reboot the node.",
    },
    Left {
        id: "aws-routing-rules-left",
        party: Party::AwsVpcCni,
        find: |story| story.scene.fib.rules().filter(|it| is_own(it)).map(words).collect(),
        harms: true,
        message: "the AWS VPC CNI is gone and its routing rules still come before the table main",
        remedy: "ip rule del priority 512, 1024 and 1536 until none is left; or reboot the node.",
    },
    Left {
        id: "aws-links-left",
        party: Party::AwsVpcCni,
        find: |story| links(story, &["vlan.eth."]),
        harms: false,
        message: "branch interfaces of an AWS VPC CNI that is gone",
        remedy: "Terminate the node, which detaches its trunk interface.",
    },
    Left {
        id: "aws-ipam-file-left",
        party: Party::AwsVpcCni,
        find: |story| {
            let there = story.scene.facts.agents.files.get(IPAM) == Some(&Observed::Known(true));
            there.then(|| IPAM.to_owned()).into_iter().collect()
        },
        harms: false,
        message: "the list of addresses of an AWS VPC CNI that is gone: an aws-node that comes back believes it",
        remedy: "rm /run/aws-node/ipam.json; a reboot removes it, too.",
    },
];

/// `pkg/ipamd` of the VPC CNI keeps it for its own restart.
const IPAM: &str = "/run/aws-node/ipam.json";

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    let all = LEFT.iter().filter_map(|it| left(story, it));
    all.chain(dead_pods_rules(story))
        .chain(policy_filters(story))
        .chain(policy_pins(story))
        .collect()
}

fn mangle_rules(story: &Story<'_, '_>) -> Vec<String> {
    let rules = netfilter::rules(story.scene.facts, |it| it.contains("AWS, primary ENI"));
    rules.iter().map(|(chain, _)| chain.words()).collect()
}

/// Rules of `pkg/networkutils/network.go`: to and from a pod, and for marked packets.
fn is_own(rule: &Rule) -> bool {
    match rule.priority {
        512 => rule.to.is_some() && rule.action == RuleAction::Table(MAIN),
        1024 => rule.mark.is_some_and(|it| it.value == 0x80 && it.mask == 0x80),
        1536 => rule.from.is_some(),
        _ => false,
    }
}

fn words(rule: &Rule) -> String {
    match (rule.to, rule.from) {
        (Some(to), _) => format!("rule {} to {to}", rule.priority),
        (_, Some(from)) => format!("rule {} from {from}", rule.priority),
        (None, None) => format!("rule {}", rule.priority),
    }
}

/// Rules to addresses without a route to a link here: pods that are gone
/// (amazon-vpc-cni-k8s#2048, #1375). Harmless until the address is given to another node's pod.
fn dead_pods_rules(story: &Story<'_, '_>) -> Option<Issue> {
    let scene = story.scene;
    let routed = |it: &Rule| {
        let address = it.to?.is_host().then(|| it.to.map(|to| to.address))??;
        let hit = scene.fib.look_up(address)?;
        Some(hit.route.destination.is_host())
    };
    let known = scene.facts.network.routes.known().is_some();
    if !known || !story.is_in_use(Party::AwsVpcCni) {
        return None;
    }
    let own = scene.fib.rules().filter(|it| it.priority == 512 && is_own(it));
    let dead: Vec<String> = own.filter(|it| routed(it) != Some(true)).map(words).collect();
    (!dead.is_empty()).then(|| {
        Issue::leftover(
            "aws-dead-pod-rules-left",
            "aws-vpc-cni",
            "routing rules of pods that are gone (amazon-vpc-cni-k8s#2048, #3270)",
        )
        .remedy(
            "ip rule del priority 512 to ADDRESS, for each; restarting aws-node removes them, too.",
        )
        .evidence([netfilter::few(&dead)])
    })
}

/// Filters stay on the links of pods that were there when the policy feature was switched off, and
/// enforce what they last knew.
fn policy_filters(story: &Story<'_, '_>) -> Option<Issue> {
    let life = story.scene.life(Party::AwsPolicyAgent);
    let found = programs(story, Party::AwsPolicyAgent);
    (life.is_dead() && !found.is_empty()).then(|| {
        Issue::leftover("aws-policy-filters-left", "aws-network-policy-agent", "filters of the AWS network policy agent are on pods' links, and nobody updates them (aws-network-policy-agent#97, #258)")
            .harms()
            .remedy("Recreate the pods, or tc filter del dev LINK ingress and egress; delete NetworkPolicies before switching the feature off.")
            .evidence([netfilter::few(&found)])
            .evidence(life.evidence().first().cloned())
    })
}

fn policy_pins(story: &Story<'_, '_>) -> Option<Issue> {
    let life = story.scene.life(Party::AwsPolicyAgent);
    let found = pins(story, Party::AwsPolicyAgent);
    let attached = !story.scene.links_with(Party::AwsPolicyAgent).is_empty();
    (life.is_dead() && !attached && !found.is_empty()).then(|| {
        Issue::leftover("aws-policy-pins-left", "aws-network-policy-agent", "pinned programs and maps of an AWS network policy agent that is gone (aws-network-policy-agent#618)")
            .remedy("rm -r /sys/fs/bpf/globals/aws")
            .evidence([netfilter::few(&found)])
    })
}
