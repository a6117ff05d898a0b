//! Routes of all tables, `RTM_NEWROUTE`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux_raw_sys::netlink::rtattr_type_t as Rta;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::netlink::{Attributes, Connection, NetlinkError, address};
use super::address::is_link_local;
use crate::facts::prefix::Prefix;
use crate::facts::routes::{NextHop, Route, RouteKind, Routes};

/// `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type,
/// flags.
const HEADER_BYTES: usize = 12;
/// `struct rtnexthop`: length, flags, hops, index.
const NEXT_HOP_BYTES: usize = 8;

const RTPROT_KERNEL: u8 = 2;
const TABLE_LOCAL: u32 = 255;
/// A cached answer and no entry of a table.
const RTM_F_CLONED: u32 = 0x200;
/// Attribute of the metrics nest.
const RTAX_MTU: u16 = 2;

pub(super) fn routes() -> Result<Routes, NetlinkError> {
    let mut routes = Routes::default();
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        let mut question = [0; HEADER_BYTES];
        question[0] = family;
        let mut route = Connection::open(NETLINK_ROUTE)?;
        routes.list.extend(route.dump_each(libc::RTM_GETROUTE, &question, |answer| {
            // A kernel without IPv6 answers with the routes of the families that it has.
            let route = parse(answer)?.filter(|_| answer.first() == Some(&family));
            Ok(route.filter(|it| !is_made_by_kernel(it)))
        })?);
    }
    Ok(routes)
}

/// Whether it is one of those that come with an address or an interface.
fn is_made_by_kernel(route: &Route) -> bool {
    let to = route.destination.address;
    let of_every_interface = to.is_ipv6() && (to.is_multicast() || is_link_local(to));
    route.protocol == RTPROT_KERNEL && (route.table == TABLE_LOCAL || of_every_interface)
}

/// Reads one `RTM_NEWROUTE` message; total on any bytes. `None`: of another family than IP, or an
/// answer from a cache.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is cut short.
pub fn parse(answer: &[u8]) -> Result<Option<Route>, NetlinkError> {
    let (header, it) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [family, to_length, from_length, _tos, table, protocol, scope, kind, a, b, c, d] = *header;
    let flags = u32::from_ne_bytes([a, b, c, d]);
    let Some(any) = any(family).filter(|_| flags & RTM_F_CLONED == 0) else { return Ok(None) };
    let metrics = it.nested(Rta::RTA_METRICS as u16)?;
    let from = it.address(Rta::RTA_SRC as u16)?;
    Ok(Some(Route {
        table: it.u32(Rta::RTA_TABLE as u16)?.unwrap_or(table.into()),
        destination: Prefix {
            address: it.address(Rta::RTA_DST as u16)?.unwrap_or(any),
            length: to_length,
        },
        from: from.map(|address| Prefix { address, length: from_length }),
        kind: route_kind(kind),
        protocol,
        scope,
        link: it.u32(Rta::RTA_OIF as u16)?,
        gateway: gateway(&it)?,
        source: it.address(Rta::RTA_PREFSRC as u16)?,
        metric: it.u32(Rta::RTA_PRIORITY as u16)?,
        mtu_bytes: metrics.u32(RTAX_MTU)?,
        flags,
        next_hops: next_hops(it.get(Rta::RTA_MULTIPATH as u16).unwrap_or_default())?,
    }))
}

fn any(family: u8) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::UNSPECIFIED.into()),
        libc::AF_INET6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

/// A router of the same family, or of the other one (`RTA_VIA`: family, address).
fn gateway(attributes: &Attributes<'_>) -> Result<Option<IpAddr>, NetlinkError> {
    if let Some(gateway) = attributes.address(Rta::RTA_GATEWAY as u16)? {
        return Ok(Some(gateway));
    }
    let via = attributes.get(Rta::RTA_VIA as u16).and_then(|it| it.get(2..));
    via.map(address).transpose()
}

fn next_hops(mut bytes: &[u8]) -> Result<Vec<NextHop>, NetlinkError> {
    let mut hops = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<NEXT_HOP_BYTES>() {
        let [a, b, _flags, _hops, c, d, e, f] = *header;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let inside = length.checked_sub(NEXT_HOP_BYTES).and_then(|it| rest.get(..it));
        let cut = || NetlinkError::malformed("a next hop", format!("a length of {length}"));
        let attributes = Attributes::parse(inside.ok_or_else(cut)?)?;
        let link = u32::from_ne_bytes([c, d, e, f]);
        hops.push(NextHop { link, gateway: gateway(&attributes)? });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}

fn route_kind(number: u8) -> RouteKind {
    match number {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        9 => RouteKind::Throw,
        other => RouteKind::Other(other),
    }
}
