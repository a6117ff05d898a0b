//! What Cilium leaves: programs, devices, chains, rules, pins.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::{Left, chains, ipsets, left, links, pins, programs};
use crate::facts::Observed;
use crate::facts::prefix::Prefix;
use crate::facts::routes::{Rule, RuleAction};
use crate::judge::datapath::fib::MAIN;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

/// Chains are not removed by Cilium's own clean-up (cilium#48936).
const LEFT: [Left; 5] = [
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
    Left {
        id: "cilium-routing-rules-left",
        party: Party::Cilium,
        find: own_rules,
        harms: false,
        message: "routing rules of a Cilium that is gone lead marked packets to tables that nobody keeps",
        remedy: "For each: ip rule del priority PRIORITY lookup TABLE (and ip -6); ip route flush table TABLE, if nothing else uses it; or reboot the node.",
    },
    Left {
        id: "cilium-sysctl-left",
        party: Party::Cilium,
        find: |story| {
            let there = story.scene.facts.agents.files.get(SYSCTL) == Some(&Observed::Known(true));
            there.then(|| SYSCTL.to_owned()).into_iter().collect()
        },
        harms: false,
        message: "Cilium is gone and its sysctl file stays: it turns rp_filter off at every boot (cilium#48936)",
        remedy: "rm /etc/sysctl.d/99-zzz-override_cilium.conf, then sysctl --system.",
    },
];

/// Written by its init container `apply-sysctl-overwrites`.
const SYSCTL: &str = "/etc/sysctl.d/99-zzz-override_cilium.conf";

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

/// Rules of ENI mode for addresses that nobody has (cilium#11041, #39839).
fn dead_rules(story: &Story<'_, '_>) -> Option<Issue> {
    let living = living_addresses(story)?;
    let rules: Vec<(&Rule, IpAddr)> =
        story.scene.fib.rules().filter_map(|it| Some((it, eni_address(it)?))).collect();
    // Where Cilium does not run, one rule alone may be anybody's; Cilium makes both.
    let runs = story.scene.life(Party::Cilium).is_alive();
    let has = |address: IpAddr, to: bool| {
        rules.iter().any(|(rule, it)| *it == address && rule.from.is_none() == to)
    };
    let is_own = |address: IpAddr| runs || has(address, true) && has(address, false);
    let dead: Vec<String> = rules
        .iter()
        .filter(|(_, address)| !living.contains(address) && is_own(*address))
        .map(|(rule, address)| {
            let way = if rule.from.is_none() { "to" } else { "from" };
            format!("rule {} {way} {address}", rule.priority)
        })
        .collect();
    (!dead.is_empty()).then(|| {
        Issue::leftover(
            "cilium-eni-rules-left",
            "cilium",
            "rules of Cilium's ENI mode for addresses that no pod here has (cilium#39839)",
        )
        .remedy("For each: ip rule del to ADDRESS priority 20; ip rule del from ADDRESS priority 111 (or 110).")
        .evidence([super::netfilter::few(&dead)])
    })
}

/// The address that a rule of ENI mode is for: to it by `main`, from it by its interface's table
/// (`pkg/datapath/linux/routing`).
fn eni_address(rule: &Rule) -> Option<IpAddr> {
    let prefix = match (rule.priority, rule.action) {
        (20, RuleAction::Table(MAIN)) => rule.to.filter(|_| rule.from.is_none()),
        (110 | 111, RuleAction::Table(_)) => rule.from,
        _ => None,
    };
    prefix.filter(Prefix::is_host).map(|it| it.address)
}

/// Every address that somebody here has. Cilium's agent gives some to itself (router, health,
/// ingress), which have such rules as well, and only it names them; once it is gone, the pods of the
/// API server are all. `None`: could not be told.
fn living_addresses(story: &Story<'_, '_>) -> Option<BTreeSet<IpAddr>> {
    /// The agent's list is cut there.
    const CUT: usize = 1024;
    let facts = story.scene.facts;
    let status = facts.cilium.known().and_then(Option::as_ref);
    let told = status.map(|it| &it.allocations).filter(|it| (1..CUT).contains(&it.len()));
    let gone = story.scene.life(Party::Cilium).is_dead() && story.present.complete;
    if told.is_none() && !gone {
        return None;
    }
    let given = told.into_iter().flat_map(|it| it.keys()).filter_map(|it| it.parse().ok());
    let pods = facts.pods.known().into_iter().flat_map(|it| &it.pods);
    let pods = pods.flat_map(|it| it.addresses.iter().copied());
    let own = facts.network.addresses.known()?.iter().map(|it| it.address.address);
    Some(given.chain(pods).chain(own).collect())
}

/// Rules that lead packets with its marks to its proxy and its tunnels
/// (`pkg/datapath/linux/linux_defaults`). Its clean-up does not remove them.
fn own_rules(story: &Story<'_, '_>) -> Vec<String> {
    const BITS: u32 = 0xf00;
    let marked = |it: &&Rule| it.mark.is_some_and(|it| it.mask == BITS && it.value & BITS != 0);
    let own = story.scene.fib.rules().filter(marked).filter_map(|it| match it.action {
        RuleAction::Table(table @ (200 | 2004 | 2005)) => Some((it.priority, table)),
        _ => None,
    });
    own.map(|(priority, table)| format!("rule {priority} to table {table}")).collect()
}
