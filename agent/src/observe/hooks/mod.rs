//! Where BPF programs are attached: filters of tc, XDP, tcx, netkit, cgroups.

mod cgroups;
pub mod filters;
mod mprog;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Host;
use super::bpf::answer::Rights;
use super::deadline::{self, within};
use crate::facts::Observed;
use crate::facts::hooks::{HookFacts, Xdp};
use crate::facts::links::{LinkData, NetworkFacts};
use crate::facts::mounts::MountFacts;
use crate::facts::privilege::Privilege;

/// Longest wait for the programs of all links.
const LIMIT: Duration = deadline::seconds(5);

/// Asks every link of `network`, and the cgroups at which `mounts` has a cgroup2 file system.
pub fn hooks(
    host: &Host,
    privilege: &Observed<Privilege>,
    network: &NetworkFacts,
    xdp: Observed<Vec<Xdp>>,
    mounts: &MountFacts,
) -> HookFacts {
    let live = || {
        let rights = Rights::of(privilege);
        let filters = network.qdiscs.as_ref().map(|it| filters::places(it));
        let links = network.links.as_ref().map(|it| it.iter().map(|it| it.index).collect());
        HookFacts {
            filters: filters
                .and_then(|it| within(LIMIT, "filters", move || filters::filters(&it).into())),
            xdp,
            tcx: links.and_then(|it: Vec<u32>| {
                within(LIMIT, "tcx", move || mprog::tcx(rights, &it).into())
            }),
            netkit: netkit(network)
                .and_then(|it| within(LIMIT, "netkit", move || mprog::netkit(rights, &it).into())),
            cgroups: mounts.cgroup2.as_ref().map(|it| cgroups::cgroups(host, rights, it)),
        }
    };
    host.ask("hooks", live, |failure| HookFacts::unknown(&failure))
}

/// The host's ends of netkit pairs: only they can be asked, and answer for both.
fn netkit(network: &NetworkFacts) -> Observed<Vec<u32>> {
    network.links.as_ref().map(|links| {
        let primary = links.iter().filter(|it| match &it.data {
            Some(LinkData::Netkit(netkit)) => netkit.is_primary,
            _ => false,
        });
        primary.map(|it| it.index).collect()
    })
}
