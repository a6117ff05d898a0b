//! Sets of ipset(8), by nfnetlink.

use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, body};
use crate::facts::firewall::Ipset;

/// `struct nfgenmsg` of `include/uapi/linux/netfilter/nfnetlink.h`: family, version, resource.
pub(super) const HEADER_BYTES: usize = 4;

// `include/uapi/linux/netfilter/ipset/ip_set.h`.
const NFNL_SUBSYS_IPSET: u16 = 6;
const IPSET_CMD_LIST: u16 = 7;
const IPSET_PROTOCOL_MIN: u8 = 6;
const IPSET_ATTR_PROTOCOL: u16 = 1;
const IPSET_ATTR_SETNAME: u16 = 2;
const IPSET_ATTR_TYPENAME: u16 = 3;
const IPSET_ATTR_FLAGS: u16 = 6;
const IPSET_ATTR_DATA: u16 = 7;
const IPSET_ATTR_ELEMENTS: u16 = 24;
/// Heads of the sets, not their members.
const IPSET_FLAG_LIST_HEADER: u32 = 1 << 2;

/// All sets of the calling thread's network namespace. Needs CAP_NET_ADMIN.
pub(super) fn sets() -> Result<Vec<Ipset>, NetlinkError> {
    let flags = IPSET_FLAG_LIST_HEADER.to_be_bytes();
    let attributes = [
        attribute(IPSET_ATTR_PROTOCOL, &[IPSET_PROTOCOL_MIN]),
        attribute(IPSET_ATTR_FLAGS, &flags),
    ];
    let question = body(&[0; HEADER_BYTES], &attributes);
    let kind = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST;
    let list = Connection::open(NETLINK_NETFILTER)
        .and_then(|mut it| it.dump_each(kind, &question, |it| parse(it).map(Some)));
    none_without_subsystem(list)
}

/// Reads one set; total on any bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<Ipset, NetlinkError> {
    let (_, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let missing = |what| move || NetlinkError::malformed(what, "a set without");
    Ok(Ipset {
        name: attributes.text(IPSET_ATTR_SETNAME).ok_or_else(missing("a name"))?,
        kind: attributes.text(IPSET_ATTR_TYPENAME).ok_or_else(missing("a type"))?,
        entries: attributes.nested(IPSET_ATTR_DATA)?.be32(IPSET_ATTR_ELEMENTS)?,
    })
}

/// A kernel that was built without this part of netfilter holds nothing of it: `EINVAL` by
/// `nfnetlink_rcv_msg()`, or no such protocol at all.
pub(super) fn none_without_subsystem<T>(
    list: Result<Vec<T>, NetlinkError>,
) -> Result<Vec<T>, NetlinkError> {
    match list {
        Err(NetlinkError::Refused { errno: Errno::INVAL, .. })
        | Err(NetlinkError::Socket(Errno::PROTONOSUPPORT)) => Ok(Vec::new()),
        other => other,
    }
}
