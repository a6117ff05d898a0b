//! Programs of several owners on one hook.

use std::collections::BTreeMap;

use crate::facts::links::Link;
use crate::judge::datapath::netfilter::few;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::present;
use crate::judge::datapath::scene::{Hook, Place};
use crate::judge::datapath::story::Story;
use crate::judge::report::{Cni, Issue};

pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    let asked = [
        aws_filter(story),
        calico(story),
        twice(story),
        unmanaged(story),
        branch(story),
        bpffs(story),
        mark_wipe(story),
    ];
    asked.into_iter().flatten().collect()
}

/// Links with programs of both.
fn links_with_both<'a>(story: &Story<'a, '_>, one: Party, other: Party) -> Vec<&'a Link> {
    let with = story.scene.links_with(one).into_iter();
    with.filter(|it| !story.scene.hooks_of(other, it).is_empty()).collect()
}

fn names(links: &[&Link]) -> String {
    few(&links.iter().map(|it| it.name.clone()).collect::<Vec<_>>())
}

/// Its filter has priority 1 and its answer decides, so the packet never reaches Cilium's filter;
/// a program of Cilium's by tcx comes before all filters (aws-network-policy-agent#480).
fn aws_filter(story: &Story<'_, '_>) -> Option<Issue> {
    let links = links_with_both(story, Party::AwsPolicyAgent, Party::Cilium);
    let first = links.first()?;
    let filters = |party| -> Vec<&Hook<'_>> {
        let hooks = story.scene.hooks_of(party, first).into_iter();
        hooks.filter(|it| matches!(it.place, Place::Tc(_))).collect()
    };
    let (aws, cilium) = (filters(Party::AwsPolicyAgent), filters(Party::Cilium));
    let before = aws
        .iter()
        .any(|it| cilium.iter().any(|c| c.place == it.place && it.priority <= c.priority));
    let message = if before {
        "a filter of the AWS network policy agent ends the chain before Cilium's filter: Cilium does not see those packets (aws-network-policy-agent#480)"
    } else {
        "the AWS network policy agent and Cilium both have programs on pods' links: each enforces its own policies"
    };
    let issue =
        Issue::conflict("aws-policy-filter-before-cilium", "aws-network-policy-agent", message);
    let issue = if before { issue.blocks_ready() } else { issue };
    Some(
        issue
            .remedy("Set enable-network-policy-controller to false in the ConfigMap amazon-vpc-cni (--enable-network-policy=false), then recreate the pods.")
            .evidence([format!("on {}", names(&links))])
            .evidence(aws.iter().map(|it| format!("{} at {} with priority {}", it.called(), it.place.words(), it.priority))),
    )
}

fn calico(story: &Story<'_, '_>) -> Option<Issue> {
    let links = links_with_both(story, Party::Calico, Party::Cilium);
    (!links.is_empty() && story.is_in_use(Party::Calico)).then(|| {
        Issue::conflict("calico-programs-beside-cilium", "calico", "Calico's and Cilium's programs are on the same links: each drops what the other one lets through")
            .blocks_ready()
            .remedy("Remove one of the two; for Calico set bpfEnabled to false first, then restart its pods.")
            .evidence([format!("on {}", names(&links))])
    })
}

/// After a second bpffs mount the agent does not find its links and attaches again (cilium#44194).
fn twice(story: &Story<'_, '_>) -> Option<Issue> {
    let mut seen: BTreeMap<(u32, &str, String), u32> = BTreeMap::new();
    for (link, hook) in story.scene.all_hooks().filter(|it| it.1.owner == Some(Party::Cilium)) {
        *seen.entry((link.index, hook.place.words(), hook.called())).or_default() += 1;
    }
    let doubled: Vec<String> = seen
        .into_iter()
        .filter(|it| it.1 > 1)
        .filter_map(|((index, place, name), count)| {
            let link = story.scene.link_at(index)?;
            Some(format!("{name} {count} times at {place} of {}", link.name))
        })
        .collect();
    (!doubled.is_empty()).then(|| {
        Issue::conflict("cilium-programs-twice", "cilium", "one of Cilium's programs is attached more than once to one hook: packets are handled twice (cilium#44194, #47847)")
            .blocks_ready()
            .remedy("umount /sys/fs/bpf until one mount is left, then restart Cilium's agent; if it stays, reboot the node.")
            .evidence([few(&doubled)])
    })
}

/// Pods that are older than Cilium are not under it until they are restarted (cilium#23394).
fn unmanaged(story: &Story<'_, '_>) -> Option<Issue> {
    let count = story.present.count.unmanaged;
    let alone = [Cni::AwsVpcCni, Cni::AzureCni];
    let pods: Vec<_> = story
        .present
        .traced
        .iter()
        .filter(|it| alone.contains(&it.cni))
        .map(|it| it.hop.pod)
        .collect();
    (count > 0 && story.scene.hooks_known()).then(|| {
        Issue::conflict("pods-without-cilium", "cilium", format!("{count} pods are older than Cilium here and not under it: no policy of Cilium's holds for them (cilium#23394)"))
            .remedy("Restart these pods; give new nodes the startup taint node.cilium.io/agent-not-ready.")
            .evidence([present::names(&pods)])
    })
}

/// Chained Cilium drops packets with a VLAN tag unless it is told to let them pass (cilium#36803).
fn branch(story: &Story<'_, '_>) -> Option<Issue> {
    let vlan = story.scene.links().find(|it| it.name.starts_with("vlan.eth."))?;
    let chained =
        story.present.carries_any(Cni::AwsVpcCniCilium) || story.next.cni == Cni::AwsVpcCniCilium;
    chained.then(|| {
        Issue::conflict("branch-eni-vlan-filter", "cilium", "pods with security groups send tagged packets, which chained Cilium drops unless its VLAN filter lets them pass (cilium#36803)")
            .advisory()
            .remedy("Set bpf.vlanBypass={0} or the VLAN ids of the branch interfaces, if that is not done yet.")
            .evidence([format!("{} is a branch interface", vlan.name)])
    })
}

/// Two mounts at one place hide the pins of the first; the rule `bpffs-not-stacked` says the same.
fn bpffs(story: &Story<'_, '_>) -> Option<Issue> {
    let mounts = story.scene.facts.mounts.bpffs.known()?;
    let here = mounts.iter().filter(|it| it.path == "/sys/fs/bpf").count();
    (here > 1).then(|| {
        Issue::conflict("bpffs-not-stacked", "cilium", "bpffs is mounted more than once at /sys/fs/bpf: pins of the lower mounts are hidden (cilium#44194)")
            .blocks_ready()
            .remedy("umount /sys/fs/bpf until `findmnt /sys/fs/bpf` shows one line.")
            .evidence([format!("bpffs is mounted {here} times at /sys/fs/bpf")])
    })
}

/// Its table sets the whole mark of every packet to one bit (amazon-vpc-cni-k8s#3872).
fn mark_wipe(story: &Story<'_, '_>) -> Option<Issue> {
    let scene = story.scene;
    let table = !crate::judge::datapath::netfilter::tables(scene.facts, "aws-cni").is_empty();
    let other =
        [Party::Calico, Party::Cilium].into_iter().find(|it| !scene.links_with(*it).is_empty())?;
    (table && story.is_in_use(Party::AwsVpcCni)).then(|| {
        Issue::conflict("aws-nft-wipes-marks", "aws-vpc-cni", format!("the AWS VPC CNI's nftables table overwrites packet marks that {} rests on (amazon-vpc-cni-k8s#3872)", other.as_str()))
            .remedy("Use a release of the VPC CNI that has the fix of #3875, or set AWS_VPC_K8S_CNI_EXTERNALSNAT=true.")
            .evidence(["nftables table aws-cni".to_owned()])
    })
}
