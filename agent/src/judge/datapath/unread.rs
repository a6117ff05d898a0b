//! What could not be read, so that a reader knows what the answers do not rest on.

use crate::facts::{Cause, Facts, Failure, Observed};
use crate::judge::report::{Area, Unread};

/// Every part of the host that the datapath is told from and that could not be read.
pub(super) fn unread(facts: &Facts) -> Vec<Unread> {
    let (network, hooks, firewall) = (&facts.network, &facts.hooks, &facts.firewall);
    let mut all = Vec::new();
    let mut add = |area, what: &str, failure: Option<&Failure>| {
        if let Some(failure) = failure {
            let why = format!("{what}: {}", failure.detail);
            all.push(Unread { area, why, cause: Some(failure.cause) });
        }
    };
    add(Area::Links, "links", network.links.failure());
    add(Area::Links, "addresses", network.addresses.failure());
    add(Area::Links, "neighbours", network.neighbors.failure());
    add(Area::Routes, "routes", network.routes.failure());
    add(Area::Routes, "rules", network.rules.failure());
    add(Area::Hooks, "tc filters", hooks.filters.failure());
    add(Area::Hooks, "XDP programs", hooks.xdp.failure());
    add(Area::Hooks, "tcx programs", hooks.tcx.failure());
    add(Area::Hooks, "netkit programs", hooks.netkit.failure());
    add(Area::Hooks, "cgroup programs", cgroups(facts));
    add(Area::Programs, "loaded programs", facts.inventory.programs.failure());
    add(Area::Pins, "pinned objects", facts.pins.failure());
    add(Area::Nftables, "nftables", firewall.nftables.failure());
    add(Area::Iptables, "legacy iptables", iptables(facts));
    add(Area::Ipsets, "ipsets", firewall.ipsets.failure());
    add(Area::Ipvs, "IPVS", firewall.ipvs.failure());
    add(Area::Cni, "CNI configuration", facts.cni.choice.failure());
    add(Area::Processes, "processes", facts.agents.processes.failure());
    add(Area::Processes, "what systemd-networkd was told", networkd(facts));
    add(Area::Endpoints, "endpoints", endpoints(facts));
    // A look at the host alone asks no API server; the kernel's routes stand in.
    add(Area::Pods, "pods", facts.pods.failure().filter(|it| it.cause != Cause::Prerequisite));
    all
}

fn cgroups(facts: &Facts) -> Option<&Failure> {
    match &facts.hooks.cgroups {
        Observed::Unknown(failure) => Some(failure),
        Observed::Known(mounts) => mounts.values().find_map(|mount| match mount {
            Observed::Unknown(failure) => Some(failure),
            Observed::Known(it) => it.programs.values().find_map(Observed::failure),
        }),
    }
}

/// Only where it runs: it may delete the datapath's rules, and then nobody knows.
fn networkd(facts: &Facts) -> Option<&Failure> {
    let unit = facts.agents.units.known()?.get("systemd-networkd.service")?;
    let told = [&facts.networkd.manage_foreign_routes, &facts.networkd.manage_foreign_rules];
    (unit.active == Observed::Known(true)).then(|| told.into_iter().find_map(Observed::failure))?
}

/// The first that failed; what is only not mounted here is told where nothing else is.
fn endpoints(facts: &Facts) -> Option<&Failure> {
    let agents = &facts.agents;
    let sockets = agents.sockets.values().filter_map(Observed::failure);
    let all = agents.endpoints.values().filter_map(Observed::failure).chain(sockets);
    all.min_by_key(|it| it.cause == Cause::Prerequisite)
}

fn iptables(facts: &Facts) -> Option<&Failure> {
    let families = [&facts.firewall.iptables, &facts.firewall.ip6tables];
    families.into_iter().find_map(|it| match it {
        Observed::Unknown(failure) => Some(failure),
        Observed::Known(tables) => tables.iter().find_map(|it| it.chains.failure()),
    })
}
