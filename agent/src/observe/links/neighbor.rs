//! Neighbours and forwarding entries, `RTM_NEWNEIGH`.

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::netlink::{Attributes, Connection, NetlinkError};
use super::super::nic::links::HEADER_BYTES as LINK_HEADER_BYTES;
use super::address::is_ip;
use crate::facts::links::{Neighbor, TunnelPeer};

/// `struct ndmsg`: family, padding, index, state, flags, type.
const HEADER_BYTES: usize = 12;

pub(super) fn neighbors() -> Result<Vec<Neighbor>, NetlinkError> {
    let question = [0; HEADER_BYTES];
    Connection::open(NETLINK_ROUTE)?.dump_each(libc::RTM_GETNEIGH, &question, parse)
}

/// Asks each tunnel alone: of all other Ethernet interfaces the kernel would tell their multicast
/// addresses.
pub(super) fn tunnel_peers(tunnels: &[u32]) -> Result<Vec<TunnelPeer>, NetlinkError> {
    let mut route = Connection::open(NETLINK_ROUTE)?;
    let mut peers = Vec::new();
    for index in tunnels {
        // `fdb_dump` of one interface is asked for by a `struct ifinfomsg`.
        let mut question = [0; LINK_HEADER_BYTES];
        question[0] = libc::AF_BRIDGE as u8;
        question[4..8].copy_from_slice(&index.to_ne_bytes());
        peers.extend(route.dump_each(libc::RTM_GETNEIGH, &question, parse_tunnel_peer)?);
    }
    Ok(peers)
}

/// Reads one entry of the ARP or NDP table; total on any bytes. `None`: of another family, made by
/// the kernel itself, or without an address.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is cut short.
pub fn parse(answer: &[u8]) -> Result<Option<Neighbor>, NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [family, _, _, _, a, b, c, d, e, f, flags, _kind] = *header;
    let state = u16::from_ne_bytes([e, f]);
    if !is_ip(family) || u32::from(state) & uapi::NUD_NOARP != 0 {
        return Ok(None);
    }
    let address = attributes.address(uapi::NDA_DST as u16)?;
    let Some(address) = address.filter(|it| !it.is_multicast()) else { return Ok(None) };
    Ok(Some(Neighbor {
        link: u32::from_ne_bytes([a, b, c, d]),
        address,
        mac: attributes.mac(uapi::NDA_LLADDR as u16),
        state,
        flags,
        protocol: attributes.u8(uapi::NDA_PROTOCOL as u16)?,
    }))
}

/// Reads one forwarding entry; total on any bytes. `None`: it names no node.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is cut short.
pub fn parse_tunnel_peer(answer: &[u8]) -> Result<Option<TunnelPeer>, NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [_, _, _, _, a, b, c, d, ..] = *header;
    let Some(node) = attributes.address(uapi::NDA_DST as u16)? else { return Ok(None) };
    let Some(mac) = attributes.mac(uapi::NDA_LLADDR as u16) else { return Ok(None) };
    Ok(Some(TunnelPeer { link: u32::from_ne_bytes([a, b, c, d]), mac, node }))
}
