//! What Cilium leaves: programs, devices, chains, rules, pins.

use super::{Left, chains, ipsets, left, links, pins, programs};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

/// Chains are not removed by Cilium's own clean-up (cilium#48936).
const LEFT: [Left; 3] = [
    Left {
        id: "cilium-devices-left",
        party: Party::Cilium,
        find: |story| links(story, &["cilium_", "lxc"]),
        harms: false,
        message: "links of a Cilium that is gone (cilium#34289)",
        remedy: "ip link del cilium_host; ip link del cilium_vxlan; or reboot the node.",
    },
    Left {
        id: "cilium-chains-left",
        party: Party::Cilium,
        find: |story| {
            let chains = chains(story, &["CILIUM_", "OLD_CILIUM_"]);
            [chains, ipsets(story, &["cilium_node_set"])].concat()
        },
        harms: false,
        message: "iptables chains of a Cilium that is gone; its clean-up does not remove them (cilium#48936)",
        remedy: "Remove the CILIUM_ chains: iptables-save | grep -v CILIUM_ | iptables-restore; or reboot the node.",
    },
    Left {
        id: "cilium-pins-left",
        party: Party::Cilium,
        find: |story| pins(story, Party::Cilium),
        harms: false,
        message: "pinned maps and links of a Cilium that is gone",
        remedy: "cilium-dbg post-uninstall-cleanup --all-state, or rm -r /sys/fs/bpf/cilium /sys/fs/bpf/tc/globals/cilium_*.",
    },
];

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    let all = LEFT.iter().filter_map(|it| left(story, it));
    all.chain(dead_programs(story)).chain(dead_rules(story)).collect()
}

/// Programs whose agent is gone still decide over packets, by maps that nobody updates.
fn dead_programs(story: &Story<'_, '_>) -> Option<Issue> {
    let life = story.scene.life(Party::Cilium);
    let found = programs(story, Party::Cilium);
    if !life.is_dead() || found.is_empty() {
        return None;
    }
    let message = "Cilium's programs are attached and its agent is gone: they drop or forward by maps that nobody updates (cilium#17292, #27715, #30609)";
    let issue = Issue::leftover("cilium-programs-left", "cilium", message).harms().blocks_ready();
    Some(
        issue
            .remedy("Start Cilium's agent again; or, if Cilium was removed, run cilium-dbg post-uninstall-cleanup --all-state and reboot the node.")
            .evidence([super::netfilter::few(&found)])
            .evidence(life.evidence().to_vec()),
    )
}

/// Rules of ENI mode for addresses that are no pod's (cilium#11041, #39839). Needs all pods.
fn dead_rules(story: &Story<'_, '_>) -> Option<Issue> {
    let present = story.present;
    // A pod that could not be traced may be the one that a rule is for.
    if !present.complete || present.traced.len() < present.count.seen as usize {
        return None;
    }
    let pods = || story.present.traced.iter().flat_map(|it| &it.hop.pod.addresses);
    let dead: Vec<String> = story
        .scene
        .fib
        .rules()
        .filter(|it| matches!(it.priority, 110 | 111))
        .filter_map(|it| it.from.filter(crate::facts::prefix::Prefix::is_host))
        .filter(|it| !pods().any(|pod| *pod == it.address))
        .map(|it| format!("rule from {}", it.address))
        .collect();
    (!dead.is_empty()).then(|| {
        Issue::leftover(
            "cilium-eni-rules-left",
            "cilium",
            "rules of Cilium's ENI mode for addresses that no pod here has (cilium#39839)",
        )
        .remedy("ip rule del from ADDRESS priority 111, and 110, for each.")
        .evidence([super::netfilter::few(&dead)])
    })
}
