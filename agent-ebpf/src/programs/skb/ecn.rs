//! `bpf_skb_ecn_set_ce`, by which the bandwidth manager marks instead of dropping.

use aya_ebpf::helpers::bpf_skb_ecn_set_ce;
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

/// Returns what the helper said: 1 for a packet that is marked now.
#[classifier]
fn ecn_set_ce(ctx: TcContext) -> i32 {
    // SAFETY: the context is the kernel's own, as the helper asks.
    unsafe { bpf_skb_ecn_set_ce(ctx.skb.skb) as i32 }
}
