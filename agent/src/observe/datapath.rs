//! What the kernel shows of the datapath: the network, programs on its hooks, pins, netfilter.

use super::{Host, Looks, firewall, hooks, links, pins};
use crate::facts::config::ConfigFacts;
use crate::facts::firewall::FirewallFacts;
use crate::facts::hooks::HookFacts;
use crate::facts::links::NetworkFacts;
use crate::facts::mounts::MountFacts;
use crate::facts::pins::Pins;
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Observed, SourceRun};

/// What these sources need to know before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) privilege: &'a Observed<Privilege>,
    pub(super) config: &'a ConfigFacts,
    pub(super) mounts: &'a MountFacts,
}

/// What they say.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) network: NetworkFacts,
    pub(super) hooks: HookFacts,
    pub(super) pins: Observed<Pins>,
    pub(super) firewall: FirewallFacts,
}

/// Asks each of them once.
pub(super) fn look(host: &Host, ground: Ground<'_>) -> (Seen, Vec<SourceRun>) {
    let Ground { privilege, config, mounts } = ground;
    let mut looks = Looks::default();
    let mut xdp = Observed::unknown(Cause::Panicked, "the list of links broke");
    let network = looks.many(
        "network",
        || links::network(host, &mut xdp),
        |failure| NetworkFacts::unknown(&failure),
    );
    let hooks = looks.many(
        "hooks",
        || hooks::hooks(host, privilege, &network, xdp, mounts),
        |failure| HookFacts::unknown(&failure),
    );
    let pins = looks.many("pins", || pins::pins(host, privilege, mounts), Observed::Unknown);
    let firewall = looks.many(
        "firewall",
        || firewall::firewall(host, config),
        |failure| FirewallFacts::unknown(&failure),
    );
    (Seen { network, hooks, pins, firewall }, looks.into_runs())
}
