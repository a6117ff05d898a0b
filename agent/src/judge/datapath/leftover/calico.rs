//! What Calico leaves: chains that may deny everything, programs, sets, devices.

use super::{Left, chains, ipsets, left, links, pins, programs, tables};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

const LEFT: [Left; 4] = [
    Left {
        id: "calico-rules-left",
        party: Party::Calico,
        find: |story| [chains(story, &["cali-"]), tables(story, "calico")].concat(),
        harms: true,
        message: "Calico is gone and its rules still decide over packets; they can deny all of them (calico#5100)",
        remedy: "iptables-save | grep -v cali | iptables-restore, likewise ip6tables; nft delete table ip calico and ip6 calico; or reboot the node.",
    },
    Left {
        id: "calico-ipsets-left",
        party: Party::Calico,
        find: |story| ipsets(story, &["cali40", "cali60"]),
        harms: false,
        message: "sets of a Calico that is gone",
        remedy: "ipset destroy each, once no rule refers to it; or reboot the node.",
    },
    Left {
        id: "calico-devices-left",
        party: Party::Calico,
        find: |story| {
            links(
                story,
                &[
                    "bpfin.cali",
                    "bpfout.cali",
                    "vxlan.calico",
                    "vxlan-v6.calico",
                    "wireguard.cali",
                    "wg-v6.cali",
                    "cali",
                ],
            )
        },
        harms: false,
        message: "links of a Calico that is gone",
        remedy: "ip link del each; or reboot the node.",
    },
    Left {
        id: "calico-pins-left",
        party: Party::Calico,
        find: |story| pins(story, Party::Calico),
        harms: false,
        message: "pinned maps and programs of a Calico that is gone",
        remedy: "rm -r /sys/fs/bpf/tc/globals/cali_* /sys/fs/bpf/tcx /sys/fs/bpf/calico; or reboot the node.",
    },
];

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    LEFT.iter().filter_map(|it| left(story, it)).chain(dead_programs(story)).collect()
}

/// Its programs fail closed when nobody updates their maps (calico#9620, #9630, #12642).
fn dead_programs(story: &Story<'_, '_>) -> Option<Issue> {
    let found = programs(story, Party::Calico);
    let gone = story.scene.life(Party::Calico).is_dead() || story.is_gone(Party::Calico);
    (gone && !found.is_empty()).then(|| {
        let issue = Issue::leftover("calico-programs-left", "calico", "Calico's programs are attached and its agent is gone: they drop what they do not know (calico#9620, #12642)");
        issue
            .harms()
            .blocks_ready()
            .remedy("bpftool net detach and bpftool cgroup detach each, and delete the pins; or reboot the node.")
            .evidence([super::netfilter::few(&found)])
            .evidence(story.why_gone(Party::Calico))
    })
}
