//! Addresses of interfaces, `RTM_NEWADDR`.

use std::net::IpAddr;

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::netlink::{Attributes, Connection, NetlinkError};
use crate::facts::links::Address;
use crate::facts::prefix::Prefix;

/// `struct ifaddrmsg`: family, prefix length, flags, scope, index.
const HEADER_BYTES: usize = 8;

pub(super) fn addresses() -> Result<Vec<Address>, NetlinkError> {
    let question = [0; HEADER_BYTES];
    let mut route = Connection::open(NETLINK_ROUTE)?;
    let mut list = route.dump_each(libc::RTM_GETADDR, &question, parse)?;
    list.sort_by_key(|it| it.link);
    Ok(list)
}

/// Reads one `RTM_NEWADDR` message; total on any bytes. `None`: of another family than IP, or link
/// local.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<Option<Address>, NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [family, length, _flags, scope, a, b, c, d] = *header;
    if !is_ip(family) {
        return Ok(None);
    }
    // With a point-to-point peer, IFA_ADDRESS is the peer's.
    let local = attributes.address(uapi::IFA_LOCAL as u16)?;
    let address =
        local.map_or_else(|| attributes.address(uapi::IFA_ADDRESS as u16), |it| Ok(Some(it)));
    let missing = || NetlinkError::malformed("an address", "a message without");
    let address = address?.ok_or_else(missing)?;
    if is_link_local(address) {
        return Ok(None);
    }
    let link = u32::from_ne_bytes([a, b, c, d]);
    Ok(Some(Address { link, address: Prefix { address, length }, scope }))
}

/// `AF_INET` and `AF_INET6`. A kernel without IPv6 answers with what other families have.
pub(super) fn is_ip(family: u8) -> bool {
    [libc::AF_INET, libc::AF_INET6].contains(&i32::from(family))
}

/// The IPv6 addresses that every interface has by itself.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(it) if it.is_unicast_link_local())
}
