//! What each interface can do with XDP, by the generic netlink family `netdev` (Linux 6.3).

use std::collections::BTreeMap;

use netlink_sys::protocols::NETLINK_GENERIC;

use super::super::netlink::{Attributes, Connection, NetlinkError, body, family_id};
use crate::facts::Observed;

/// `NETDEV_CMD_DEV_GET` and attributes of `include/uapi/linux/netdev.h`.
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
/// `struct genlmsghdr`.
const HEADER_BYTES: usize = 4;

/// Feature bits by interface index.
pub(super) type Bits = BTreeMap<u32, u64>;

/// Asks for the XDP features of all interfaces; `Known(None)`: this kernel has no such family.
pub(super) fn xdp_features() -> Observed<Option<Bits>> {
    dump().into()
}

fn dump() -> Result<Option<Bits>, NetlinkError> {
    let mut generic = Connection::open(NETLINK_GENERIC)?;
    let Some(netdev) = family_id(&mut generic, "netdev")? else { return Ok(None) };
    let question = body(&[NETDEV_CMD_DEV_GET, 1, 0, 0], &[]);
    let list = generic.dump_each(netdev, &question, |answer| parse(answer).map(Some))?;
    Ok(Some(list.into_iter().collect()))
}

/// Reads one answer to `NETDEV_CMD_DEV_GET`: interface index and feature bits; total on any
/// bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when either is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<(u32, u64), NetlinkError> {
    let attributes = Attributes::after(answer, HEADER_BYTES)?;
    let missing = |what| move || NetlinkError::malformed(what, "an answer without");
    let ifindex = attributes.u32(NETDEV_A_DEV_IFINDEX)?.ok_or_else(missing("an index"))?;
    let bits = attributes.array(NETDEV_A_DEV_XDP_FEATURES)?.ok_or_else(missing("XDP features"))?;
    Ok((ifindex, u64::from_ne_bytes(bits)))
}
