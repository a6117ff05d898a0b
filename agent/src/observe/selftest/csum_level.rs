//! `bpf_csum_level`.

use agent_ebpf::selftest::{CsumLevels, PAYLOAD};
use rustix::io::Errno;
use zerocopy::FromBytes;

use super::bench::{Bench, wrong};
use super::packet::packet;
use super::{Checked, skb};

/// Raises and resets the level: a query answers -EACCES while no checksum is known to be good,
/// `bpf_csum_level()` of <https://github.com/torvalds/linux/blob/v6.12/net/core/filter.c>.
pub(super) fn check(bench: Bench) -> Checked {
    let output = skb::run(bench, "csum_level", &packet())?;
    let refused = -Errno::ACCESS.raw_os_error();
    let wanted = CsumLevels { untouched: refused, raised_once: 0, raised_twice: 1, reset: refused };
    let levels = CsumLevels::read_from_prefix(output.packet.get(PAYLOAD..).unwrap_or_default());
    match levels {
        Ok((levels, _)) if output.returned == 0 && levels == wanted => Ok(()),
        levels => Err(wrong(format!("returned {}: {levels:?}", output.returned))),
    }
}
