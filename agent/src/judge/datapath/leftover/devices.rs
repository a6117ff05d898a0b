//! Links that a kernel module or a daemon makes by itself, and that say nothing about a datapath.

use crate::facts::links::Link;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    [tunl0(story), ovs(story)].into_iter().flatten().collect()
}

/// The module ipip makes it when anything loads it (calico#1375).
fn tunl0(story: &Story<'_, '_>) -> Option<Issue> {
    let link = story.scene.link("tunl0")?;
    let used = story.scene.has_address(link) || story.scene.has_route_by(link);
    let known = story.scene.facts.network.addresses.known().is_some();
    (known && !used).then(|| {
        Issue::leftover(
            "tunl0-unused",
            "kernel",
            "tunl0 has no address and no route: the module's own device, no overlay (calico#1375)",
        )
        .remedy("Nothing to do; rmmod ipip removes it.")
        .evidence(["link tunl0 without address and route".to_owned()])
    })
}

/// Open vSwitch's datapath without a port. Ports that it makes for the host itself (`br-int`,
/// gateways) are of its kind and have no master (`vport-internal_dev.c` of the kernel).
fn ovs(story: &Story<'_, '_>) -> Option<Issue> {
    let link = story.scene.link("ovs-system")?;
    let internal = |it: &Link| it.index != link.index && it.kind == link.kind;
    let used = story.scene.ports(link) > 0 || story.scene.links().any(internal);
    (!used && story.is_gone(Party::OpenVswitch)).then(|| {
        Issue::leftover("ovs-datapath-left", "open-vswitch", "Open vSwitch's datapath has no port")
            .remedy("ovs-dpctl del-dp system@ovs-system; or reboot the node.")
            .evidence(["link ovs-system without ports".to_owned()])
    })
}
