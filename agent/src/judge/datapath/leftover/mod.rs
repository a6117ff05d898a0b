//! What something that is gone left behind: one file an owner.
//!
//! Nothing here names a datapath; an object is a leftover only once its owner is known to be gone
//! (`cni-fingerprints.md` § 5 and § 7.1).

mod aws;
mod calico;
mod cilium;
mod devices;
mod files;
mod flannel;
mod kube_proxy;
mod others;

use super::netfilter;
use super::party::Party;
use super::story::Story;
use crate::judge::report::Issue;

/// Asks for every leftover.
pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    let ask: [fn(&Story<'_, '_>) -> Vec<Issue>; 8] = [
        cilium::leftovers,
        aws::leftovers,
        calico::leftovers,
        flannel::leftovers,
        kube_proxy::leftovers,
        others::leftovers,
        devices::leftovers,
        files::leftovers,
    ];
    ask.iter().flat_map(|it| it(story)).collect()
}

/// One kind of object that a party leaves, and how it is found by name.
struct Left {
    id: &'static str,
    party: Party,
    find: fn(&Story<'_, '_>) -> Vec<String>,
    harms: bool,
    message: &'static str,
    remedy: &'static str,
}

/// The leftover, if the party is gone and its objects are there.
fn left(story: &Story<'_, '_>, left: &Left) -> Option<Issue> {
    let Left { id, party, find, harms, message, remedy } = left;
    if !story.is_gone(*party) {
        return None;
    }
    let found = find(story);
    if found.is_empty() {
        return None;
    }
    let issue = Issue::leftover(id, party.as_str(), *message).remedy(*remedy);
    let issue = issue.evidence([netfilter::few(&found)]).evidence(story.why_gone(*party));
    Some(if *harms { issue.harms() } else { issue })
}

/// Chains that begin so, by table and name.
fn chains(story: &Story<'_, '_>, starts: &[&str]) -> Vec<String> {
    netfilter::chains(story.scene.facts, starts).iter().map(netfilter::Found::words).collect()
}

/// Tables of nftables that begin so.
fn tables(story: &Story<'_, '_>, start: &str) -> Vec<String> {
    let tables = netfilter::tables(story.scene.facts, start);
    tables.iter().map(|it| format!("nftables table {}", it.name)).collect()
}

/// Sets of ipset(8) that begin so.
fn ipsets(story: &Story<'_, '_>, starts: &[&str]) -> Vec<String> {
    let sets = netfilter::ipsets(story.scene.facts, starts);
    sets.iter().map(|it| format!("ipset {it}")).collect()
}

/// Links that begin so.
fn links(story: &Story<'_, '_>, starts: &[&str]) -> Vec<String> {
    let links =
        story.scene.links().filter(|it| starts.iter().any(|start| it.name.starts_with(start)));
    links.map(|it| format!("link {}", it.name)).collect()
}

/// Pins of this party.
fn pins(story: &Story<'_, '_>, party: Party) -> Vec<String> {
    let own = |it: &&str| super::attribute::by_pin(it) == Some(party);
    story.scene.pins().filter(own).map(str::to_owned).collect()
}

/// Programs of this party on links and cgroups, with their places.
fn programs(story: &Story<'_, '_>, party: Party) -> Vec<String> {
    let scene = story.scene;
    let on_links = scene.all_hooks().filter(|(_, it)| it.owner == Some(party));
    let on_links = on_links
        .map(|(link, it)| format!("{} at {} of {}", it.called(), it.place.words(), link.name));
    let on_cgroups = scene.cgroup_hooks_of(party).into_iter();
    on_links.chain(on_cgroups.map(|it| format!("{} at the root cgroup", it.called()))).collect()
}
