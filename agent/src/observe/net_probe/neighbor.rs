//! Neighbours that the kernel keeps resolved itself.

use linux_raw_sys::netlink as uapi;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, body};
use super::link::LOOPBACK;
use super::verdict;
use crate::facts::bpf::Support;

/// `struct ndmsg` of `include/uapi/linux/neighbour.h`.
const HEADER_BYTES: usize = 12;

/// Asks for a managed neighbour on the loopback, where there is nobody to ask by ARP, and reads
/// the flag back: before Linux 5.16 the attribute is skipped.
pub(super) fn managed(route: &mut Connection) -> Support {
    let what = "neighbour with NTF_EXT_MANAGED";
    match try_managed(route) {
        Ok(found) => verdict::of_read_back(what, found),
        Err(error) => verdict::of_netlink(what, Err(error), &[]),
    }
}

fn try_managed(route: &mut Connection) -> Result<bool, NetlinkError> {
    let attributes = [
        // TEST-NET-1, RFC 5737.
        attribute(uapi::NDA_DST as u16, &[192, 0, 2, 1]),
        attribute(uapi::NDA_FLAGS_EXT as u16, &uapi::NTF_EXT_MANAGED.to_ne_bytes()),
    ];
    let flags = (uapi::NLM_F_CREATE | uapi::NLM_F_REPLACE) as u16;
    route.ask(libc::RTM_NEWNEIGH, flags, &body(&header(LOOPBACK), &attributes))?;
    for answer in route.dump(libc::RTM_GETNEIGH, &header(0))? {
        let flags = Attributes::after(&answer, HEADER_BYTES)?.u32(uapi::NDA_FLAGS_EXT as u16)?;
        if flags.is_some_and(|it| it & uapi::NTF_EXT_MANAGED != 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn header(ifindex: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0] = libc::AF_INET as u8;
    header[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    header
}
