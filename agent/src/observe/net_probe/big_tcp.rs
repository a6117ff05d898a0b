//! Packets beyond 64 KiB inside the kernel, asked of the namespace's loopback.

use linux_raw_sys::netlink as uapi;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, attribute};
use super::super::nic::links::HEADER_BYTES;
use super::link::{self, LOOPBACK};
use super::verdict;
use crate::facts::bpf::Support;

/// What Cilium asks for; more than the 65536 of `GSO_LEGACY_MAX_SIZE`.
const BYTES: u32 = 196_608;

/// IPv6 since Linux 5.19. Before, `do_setlink()` refuses more than 65536 with EINVAL; since, only
/// what is more than the device's `tso_max_size`, and the loopback has 524280.
pub(super) fn ipv6(route: &mut Connection) -> Support {
    grow(route, "IFLA_GSO_MAX_SIZE", uapi::IFLA_GSO_MAX_SIZE as u16, &[Errno::INVAL])
}

/// IPv4 since Linux 6.3. Before, the attribute is skipped.
pub(super) fn ipv4(route: &mut Connection) -> Support {
    grow(route, "IFLA_GSO_IPV4_MAX_SIZE", uapi::IFLA_GSO_IPV4_MAX_SIZE as u16, &[])
}

fn grow(route: &mut Connection, name: &str, kind: u16, absent: &[Errno]) -> Support {
    let what = format!("{name} {BYTES}");
    let done = link::set(route, LOOPBACK, attribute(kind, &BYTES.to_ne_bytes()));
    if done.is_err() {
        return verdict::of_netlink(&what, done, absent);
    }
    let told = link::get(route, LOOPBACK)
        .and_then(|answer| Attributes::after(&answer, HEADER_BYTES)?.u32(kind));
    match told {
        Ok(bytes) => verdict::of_read_back(&what, bytes == Some(BYTES)),
        Err(error) => verdict::of_netlink(&what, Err(error), &[]),
    }
}
