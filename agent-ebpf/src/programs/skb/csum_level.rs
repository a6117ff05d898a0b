//! `bpf_csum_level`, by which a datapath tells how many checksums are known to be good.

use agent_ebpf::selftest::{CsumLevels, PAYLOAD};
use aya_ebpf::helpers::bpf_csum_level;
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

// `enum` of `BPF_CSUM_LEVEL_*` in `include/uapi/linux/bpf.h`.
const QUERY: u64 = 0;
const INC: u64 = 1;
const RESET: u64 = 3;

/// Raises and resets the level and writes what it was in between into the payload.
#[classifier]
fn csum_level(ctx: TcContext) -> i32 {
    let levels = CsumLevels {
        untouched: ask(&ctx, QUERY),
        raised_once: ask_after(&ctx, INC),
        raised_twice: ask_after(&ctx, INC),
        reset: ask_after(&ctx, RESET),
    };
    ctx.store(PAYLOAD, &levels, 0).map_or_else(|error| error as i32, |()| 0)
}

#[inline(always)]
fn ask(ctx: &TcContext, level: u64) -> i32 {
    // SAFETY: the context is the kernel's own, as the helper asks.
    unsafe { bpf_csum_level(ctx.skb.skb, level) as i32 }
}

#[inline(always)]
fn ask_after(ctx: &TcContext, change: u64) -> i32 {
    match ask(ctx, change) {
        0 => ask(ctx, QUERY),
        error => error,
    }
}
