//! XDP in the driver, on a veth.

use std::os::fd::{AsRawFd, OwnedFd};

use linux_raw_sys::netlink as uapi;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, nest};
use super::super::nic::links::{self, HEADER_BYTES};
use super::{link, program, verdict};
use crate::facts::Cause;
use crate::facts::bpf::Support;

/// `XDP_ATTACHED_DRV` of `include/uapi/linux/if_link.h`.
const ATTACHED_DRIVER: [u8; 1] = [1];

/// Attaches in driver mode only, so the kernel's generic XDP does not stand in, and reads the
/// mode back. A driver without XDP refuses with EOPNOTSUPP (`dev_xdp_attach()`).
pub(super) fn xdp_driver(route: &mut Connection) -> Support {
    let program = match program::load(program::XDP) {
        Ok(program) => program,
        // Whether XDP programs load is another question than whether the driver takes them.
        Err(errno) => return verdict::of_bpf("loading an XDP program", Err(errno), &[]),
    };
    let ifindex = match make_veth(route) {
        Ok(ifindex) => ifindex,
        Err(error) if error.refusal() == Some(Errno::OPNOTSUPP) => {
            let why = format!("no veth to attach to: {error}");
            return Support::unknown(Cause::Prerequisite, why);
        }
        Err(error) => return verdict::of_netlink("a veth to attach to", Err(error), &[]),
    };
    let what = "XDP on a veth in driver mode";
    match attach(route, ifindex, &program) {
        Ok(driver) => verdict::of_read_back(what, driver),
        Err(error) => verdict::of_netlink(what, Err(error), &[Errno::OPNOTSUPP]),
    }
}

fn make_veth(route: &mut Connection) -> Result<u32, NetlinkError> {
    link::create(route, "bpfr-xdp", "veth", &[])?;
    Ok(links::parse(&link::get_by_name(route, "bpfr-xdp")?)?.ifindex)
}

/// Whether the program is in the driver after it was attached there.
fn attach(route: &mut Connection, ifindex: u32, program: &OwnedFd) -> Result<bool, NetlinkError> {
    let attributes = [
        attribute(uapi::IFLA_XDP_FD as u16, &program.as_raw_fd().to_ne_bytes()),
        attribute(uapi::IFLA_XDP_FLAGS as u16, &uapi::XDP_FLAGS_DRV_MODE.to_ne_bytes()),
    ];
    link::set(route, ifindex, nest(uapi::IFLA_XDP as u16, &attributes))?;
    let answer = link::get(route, ifindex)?;
    let xdp = Attributes::after(&answer, HEADER_BYTES)?.nested(uapi::IFLA_XDP as u16)?;
    Ok(xdp.get(uapi::IFLA_XDP_ATTACHED as u16) == Some(&ATTACHED_DRIVER))
}
