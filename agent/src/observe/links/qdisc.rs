//! Queueing disciplines, `RTM_NEWQDISC`.

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::netlink::{Attributes, Connection, NetlinkError};
use crate::facts::links::Qdisc;

/// `struct tcmsg`: family, padding, index, handle, parent, info.
pub(in crate::observe) const HEADER_BYTES: usize = 20;

pub(super) fn qdiscs() -> Result<Vec<Qdisc>, NetlinkError> {
    let question = [0; HEADER_BYTES];
    let mut list =
        Connection::open(NETLINK_ROUTE)?.dump_each(libc::RTM_GETQDISC, &question, parse)?;
    list.sort_by_key(|it| it.link);
    Ok(list)
}

/// Reads one `RTM_NEWQDISC` message; total on any bytes. `None`: a `noqueue`.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<Option<Qdisc>, NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let missing = || NetlinkError::malformed("a kind", "a qdisc without");
    let kind = attributes.text(uapi::TCA_KIND as u16).ok_or_else(missing)?;
    if kind == "noqueue" {
        return Ok(None);
    }
    let [link, handle, parent] = [4, 8, 12].map(|at| number(header, at));
    Ok(Some(Qdisc { link, kind, handle, parent }))
}

/// A number of a `struct tcmsg`.
pub(in crate::observe) fn number(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
