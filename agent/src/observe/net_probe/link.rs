//! Links of the kinds that Cilium makes.

use linux_raw_sys::netlink as uapi;
use netlink_packet_core::DefaultNla;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, body, nest};
use super::super::nic::links::HEADER_BYTES;
use super::verdict;
use crate::facts::bpf::Support;

/// Index of `lo` in a new network namespace, in every kernel.
pub(super) const LOOPBACK: u32 = 1;

/// `rtnl_newlink()` of `net/core/rtnetlink.c` for a kind that no driver has registered.
const UNKNOWN_KIND: [Errno; 1] = [Errno::OPNOTSUPP];

const CREATE: u16 = (uapi::NLM_F_CREATE | uapi::NLM_F_EXCL) as u16;

pub(super) fn veth(route: &mut Connection) -> Support {
    made("veth", create(route, "bpfr-veth", "veth", &[]))
}

/// As Cilium makes it: one device for all tunnels.
pub(super) fn vxlan(route: &mut Connection) -> Support {
    let external = attribute(uapi::IFLA_VXLAN_COLLECT_METADATA as u16, &[1]);
    made("vxlan", create(route, "bpfr-vxlan", "vxlan", &[external]))
}

/// As Cilium makes it: one device for all tunnels.
pub(super) fn geneve(route: &mut Connection) -> Support {
    let external = attribute(uapi::IFLA_GENEVE_COLLECT_METADATA as u16, &[]);
    made("geneve", create(route, "bpfr-geneve", "geneve", &[external]))
}

pub(super) fn wireguard(route: &mut Connection) -> Support {
    made("wireguard", create(route, "bpfr-wireguard", "wireguard", &[]))
}

pub(super) fn netkit(route: &mut Connection) -> Support {
    made("netkit", create(route, "bpfr-netkit", "netkit", &[]))
}

/// `NETKIT_SCRUB_NONE` for both ends, which is not the default (`include/uapi/linux/if_link.h`).
pub(super) fn netkit_scrub(route: &mut Connection) -> Support {
    let none = 0_u32.to_ne_bytes();
    let data = [
        attribute(uapi::IFLA_NETKIT_SCRUB as u16, &none),
        attribute(uapi::IFLA_NETKIT_PEER_SCRUB as u16, &none),
    ];
    let what = "netkit with IFLA_NETKIT_SCRUB";
    if let Err(error) = create(route, "bpfr-scrub", "netkit", &data) {
        return made(what, Err(error));
    }
    let told = |route: &mut Connection| {
        let answer = get_by_name(route, "bpfr-scrub")?;
        let attributes = Attributes::after(&answer, HEADER_BYTES)?;
        let data = attributes.nested(uapi::IFLA_LINKINFO as u16)?;
        data.nested(uapi::IFLA_INFO_DATA as u16)?.u32(uapi::IFLA_NETKIT_SCRUB as u16)
    };
    match told(route) {
        Ok(scrub) => verdict::of_read_back(what, scrub == Some(0)),
        Err(error) => verdict::of_netlink(what, Err(error), &[]),
    }
}

fn made(kind: &str, done: Result<(), NetlinkError>) -> Support {
    verdict::of_netlink(kind, done, &UNKNOWN_KIND)
}

/// Makes a link of this kind and name with the kind's own attributes.
pub(super) fn create(
    route: &mut Connection,
    name: &str,
    kind: &str,
    data: &[DefaultNla],
) -> Result<(), NetlinkError> {
    let info = [
        attribute(uapi::IFLA_INFO_KIND as u16, kind.as_bytes()),
        nest(uapi::IFLA_INFO_DATA as u16, data),
    ];
    let attributes = [text(uapi::IFLA_IFNAME, name), nest(uapi::IFLA_LINKINFO as u16, &info)];
    route.ask(libc::RTM_NEWLINK, CREATE, &body(&header(0), &attributes)).map(drop)
}

/// Changes a link.
pub(super) fn set(
    route: &mut Connection,
    ifindex: u32,
    attribute: DefaultNla,
) -> Result<(), NetlinkError> {
    route.ask(libc::RTM_SETLINK, 0, &body(&header(ifindex), &[attribute])).map(drop)
}

/// What the kernel tells of a link: an `RTM_NEWLINK` message.
pub(super) fn get(route: &mut Connection, ifindex: u32) -> Result<Vec<u8>, NetlinkError> {
    only(route.ask(libc::RTM_GETLINK, 0, &body(&header(ifindex), &[]))?)
}

pub(super) fn get_by_name(route: &mut Connection, name: &str) -> Result<Vec<u8>, NetlinkError> {
    let question = body(&header(0), &[text(uapi::IFLA_IFNAME, name)]);
    only(route.ask(libc::RTM_GETLINK, 0, &question)?)
}

fn only(mut answers: Vec<Vec<u8>>) -> Result<Vec<u8>, NetlinkError> {
    answers.pop().ok_or_else(|| NetlinkError::malformed("an answer", "none"))
}

/// `struct ifinfomsg`.
fn header(ifindex: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    header
}

fn text(kind: uapi::_bindgen_ty_2, value: &str) -> DefaultNla {
    attribute(kind as u16, format!("{value}\0").as_bytes())
}
