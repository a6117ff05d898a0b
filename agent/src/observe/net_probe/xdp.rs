//! XDP in the driver, on a veth.

use std::os::fd::AsRawFd;

use linux_raw_sys::netlink as uapi;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, nest};
use super::super::nic::links::HEADER_BYTES;
use super::{link, program, verdict};
use crate::facts::bpf::Support;

/// `XDP_ATTACHED_DRV` of `include/uapi/linux/if_link.h`.
const ATTACHED_DRIVER: [u8; 1] = [1];

/// Attaches in driver mode only, so the kernel's generic XDP does not stand in, and reads the
/// mode back. A driver without XDP refuses with EOPNOTSUPP (`dev_xdp_attach()`).
pub(super) fn xdp_driver(route: &mut Connection) -> Support {
    let what = "XDP on a veth in driver mode";
    match attach(route) {
        Ok(Ok(driver)) => verdict::of_read_back(what, driver),
        Ok(Err(errno)) => verdict::of_bpf("loading an XDP program", Err(errno), &[]),
        Err(error) => verdict::of_netlink(what, Err(error), &[Errno::OPNOTSUPP]),
    }
}

fn attach(route: &mut Connection) -> Result<Result<bool, Errno>, NetlinkError> {
    link::create(route, "bpfr-xdp", "veth", &[])?;
    let ifindex = super::super::nic::links::parse(&link::get_by_name(route, "bpfr-xdp")?)?.ifindex;
    let program = match program::load(program::XDP) {
        Ok(program) => program,
        Err(errno) => return Ok(Err(errno)),
    };
    let descriptor = program.as_raw_fd().to_ne_bytes();
    let mode = uapi::XDP_FLAGS_DRV_MODE.to_ne_bytes();
    let attributes = [
        attribute(uapi::IFLA_XDP_FD as u16, &descriptor),
        attribute(uapi::IFLA_XDP_FLAGS as u16, &mode),
    ];
    link::set(route, ifindex, nest(uapi::IFLA_XDP as u16, &attributes))?;
    let answer = link::get(route, ifindex)?;
    let xdp = Attributes::after(&answer, HEADER_BYTES)?.nested(uapi::IFLA_XDP as u16)?;
    Ok(Ok(xdp.get(uapi::IFLA_XDP_ATTACHED as u16) == Some(&ATTACHED_DRIVER)))
}
