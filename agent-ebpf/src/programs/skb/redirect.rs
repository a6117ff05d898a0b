//! The redirect helpers, by which packets leave past the stack (BPF host routing).

use aya_ebpf::helpers::{bpf_redirect, bpf_redirect_neigh, bpf_redirect_peer};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

/// Loopback's index in every network namespace, `LOOPBACK_IFINDEX` of `include/net/flow.h`. Nothing
/// is sent there: a test run does not follow the program's verdict.
const LOOPBACK: u32 = 1;

/// Returns what the helper said: TC_ACT_REDIRECT, or TC_ACT_SHOT for flags it does not know.
#[classifier]
fn redirect(_ctx: TcContext) -> i32 {
    // SAFETY: the helper takes numbers only.
    unsafe { bpf_redirect(LOOPBACK, 0) as i32 }
}

/// As [`redirect`], with the neighbour's address filled in by the kernel.
#[classifier]
fn redirect_neigh(_ctx: TcContext) -> i32 {
    // SAFETY: no next hop is given, which the helper allows with a length of 0.
    unsafe { bpf_redirect_neigh(LOOPBACK, core::ptr::null_mut(), 0, 0) as i32 }
}

/// As [`redirect`], into the other network namespace of a pair of devices.
#[classifier]
fn redirect_peer(_ctx: TcContext) -> i32 {
    // SAFETY: the helper takes numbers only.
    unsafe { bpf_redirect_peer(LOOPBACK, 0) as i32 }
}
