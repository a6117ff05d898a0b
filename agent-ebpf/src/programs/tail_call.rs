//! A tail call through a PROG_ARRAY, of which Cilium's datapath is made.
#![no_std]
#![no_main]

use agent_ebpf::selftest::{FELL_THROUGH, TAIL_CALLED};
use aya_ebpf::btf_maps::ProgramArray;
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;

#[btf_map]
static CALLS: ProgramArray<1> = ProgramArray::new();

/// Calls the only program of `CALLS`; returns only when it could not.
#[classifier]
fn tail_call(ctx: TcContext) -> i32 {
    // SAFETY: nothing here needs to be dropped.
    unsafe { CALLS.tail_call(&ctx, 0) };
    FELL_THROUGH
}

/// Where the call arrives.
#[classifier]
fn tail_called(_ctx: TcContext) -> i32 {
    TAIL_CALLED
}
