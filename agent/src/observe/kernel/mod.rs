//! Which kernel and distribution this is.

mod boot_id;
mod ipv6;
pub mod os_release;
mod schedstat;
mod uname;

pub use boot_id::parse as parse_boot_id;

use super::{Host, Looks};
use crate::facts::kernel::KernelFacts;

/// Reads uname(2), the boot id, os-release(5), and whether scheduler statistics and IPv6 are there.
pub fn kernel(host: &Host, looks: &mut Looks) -> KernelFacts {
    KernelFacts {
        uname: looks.observed("uname", || uname::uname(host)),
        boot_id: looks.observed("boot_id", || boot_id::boot_id(host)),
        os: looks.observed("os_release", || os_release::os_release(host)),
        schedstat: looks.observed("schedstat", || schedstat::schedstat(host)),
        ipv6: looks.observed("ipv6", || ipv6::ipv6(host)),
    }
}
