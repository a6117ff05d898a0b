//! Interfaces, addresses, neighbours, routes, rules and queueing disciplines, by rtnetlink(7).
//!
//! Own reading of attributes, not `netlink-packet-route`: that crate makes a value of every
//! attribute of every message, where a host with 10,000 interfaces has half a million of them, and
//! refuses a whole message for one attribute of a newer kernel.

pub mod address;
mod kinds;
pub mod link;
mod namespace;
pub mod neighbor;
pub mod qdisc;
pub mod route;
pub mod rule;
#[cfg(test)]
mod tests;

use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;

use super::Host;
use super::deadline::{self, within};
use super::netlink::{Connection, NetlinkError};
use crate::facts::Observed;
use crate::facts::hooks::Xdp;
use crate::facts::links::{Link, LinkData, NetworkFacts};

/// Longest wait for all of it.
const LIMIT: Duration = deadline::seconds(5);

/// Looks at the network namespace that this process is in. Links are listed with their XDP
/// programs, which `xdp` is given; it stays what it is on a recorded host.
pub fn network(host: &Host, xdp: &mut Observed<Vec<Xdp>>) -> NetworkFacts {
    let live = || {
        let (namespace, socket) = namespace::own();
        let looked = within(LIMIT, "network", || Observed::Known(look()));
        let (mut facts, seen) = match looked {
            Observed::Known(looked) => looked,
            Observed::Unknown(failure) => {
                (NetworkFacts::unknown(&failure), Observed::Unknown(failure))
            }
        };
        *xdp = seen;
        facts.namespace = namespace::namespace(host, namespace, socket.as_ref());
        facts
    };
    host.ask("network", live, |failure| NetworkFacts::unknown(&failure))
}

fn look() -> (NetworkFacts, Observed<Vec<Xdp>>) {
    let (links, xdp) = match links() {
        Ok((links, xdp)) => (Observed::Known(links), Observed::Known(xdp)),
        Err(error) => {
            let failure = crate::facts::Failure::from(error);
            (Observed::Unknown(failure.clone()), Observed::Unknown(failure))
        }
    };
    let tunnels = links.as_ref().map(|it| tunnels(it));
    let facts = NetworkFacts {
        namespace: Observed::unknown(crate::facts::Cause::Panicked, "not looked at"),
        links,
        addresses: address::addresses().into(),
        neighbors: neighbor::neighbors().into(),
        tunnel_peers: tunnels.and_then(|it| neighbor::tunnel_peers(&it).into()),
        routes: route::routes().into(),
        rules: rule::rules().into(),
        qdiscs: qdisc::qdiscs().into(),
    };
    (facts, xdp)
}

fn links() -> Result<(Vec<Link>, Vec<Xdp>), NetlinkError> {
    let mut seen =
        Connection::open(NETLINK_ROUTE)?
            .dump_each(libc::RTM_GETLINK, &link::question(), |it| link::parse(it).map(Some))?;
    seen.sort_by_key(|it| it.link.index);
    let xdp = seen.iter_mut().flat_map(|it| std::mem::take(&mut it.xdp)).collect();
    Ok((seen.into_iter().map(|it| it.link).collect(), xdp))
}

/// Interfaces that keep forwarding entries of other nodes.
fn tunnels(links: &[Link]) -> Vec<u32> {
    let is_tunnel = |it: &&Link| matches!(it.data, Some(LinkData::Vxlan(_)));
    links.iter().filter(is_tunnel).map(|it| it.index).collect()
}
