//! `bpf_fib_lookup` and its flags.

use std::net::Ipv4Addr;

use agent_ebpf::selftest::FibQuestion;
use rustix::io::Errno;
use zerocopy::IntoBytes;

use super::bench::{Bench, wrong};
use super::packet::packet_with;
use super::{Checked, skb};
use crate::facts::bpf::{Because, Support};

/// `LOOPBACK_IFINDEX` of the kernel's `include/net/flow.h`.
const LOOPBACK: u32 = 1;
/// The last of `BPF_FIB_LKUP_RET_*` with room for newer ones: 9 in Linux 6.18.
const HIGHEST_STATUS: i32 = 64;

/// A look-up ends with a status: a route, or why there is none (forwarding may be off).
pub(super) fn check(bench: Bench) -> Checked {
    match lookup(bench, 0)? {
        0..=HIGHEST_STATUS => Ok(()),
        answer => Err(wrong(format!("bpf_fib_lookup answered {answer}"))),
    }
}

/// The same look-up with a flag; a kernel that does not know the flag answers -EINVAL, see
/// `bpf_skb_fib_lookup()` of <https://github.com/torvalds/linux/blob/v6.12/net/core/filter.c>.
pub(super) fn check_flag(bench: Bench, name: &str, flag: u32) -> Checked {
    check(bench)?;
    match lookup(bench, flag)? {
        0..=HIGHEST_STATUS => Ok(()),
        answer if answer == -Errno::INVAL.raw_os_error() => Err(Support::unsupported(
            Because::NotInKernel,
            format!("bpf_fib_lookup answers EINVAL to {name} and takes the look-up without it"),
        )),
        answer => Err(wrong(format!("bpf_fib_lookup with {name} answered {answer}"))),
    }
}

fn lookup(bench: Bench, flags: u32) -> Result<i32, Support> {
    let question = FibQuestion {
        flags,
        interface: LOOPBACK,
        source: Ipv4Addr::LOCALHOST.octets(),
        destination: Ipv4Addr::LOCALHOST.octets(),
    };
    Ok(skb::run(bench, "fib_lookup", &packet_with(question.as_bytes()))?.returned)
}
