//! Whether the kernel speaks IPv6: Cilium with IPv6 on refuses to start where it does not.

use crate::facts::Observed;
use crate::observe::{Host, procfs};

/// There when the ipv6 code is built in or loaded and `ipv6.disable=1` is not given
/// (`net/ipv6/addrconf.c`); the file that Cilium's own check looks for.
const PATH: &str = "/proc/net/if_inet6";

/// Whether IPv6 is there at all; an interface may still have none.
pub(super) fn ipv6(host: &Host) -> Observed<bool> {
    match host.read_bytes(PATH) {
        Ok(Some(_)) => Observed::Known(true),
        Ok(None) => procfs::absent(host, PATH, false),
        Err(error) => Observed::Unknown(error.into()),
    }
}
