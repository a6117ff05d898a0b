//! A record through a RINGBUF to user space.
#![no_std]
#![no_main]

use agent_ebpf::selftest::{PAYLOAD, Record};
use aya_ebpf::btf_maps::RingBuf;
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;
use aya_log_ebpf::debug;

/// One page on every architecture that has eBPF: the size must be a multiple of the page size, and
/// arm64 knows pages of 64 KiB.
#[btf_map]
static RECORDS: RingBuf<Record, 65536> = RingBuf::new();

/// Sends the packet's first payload bytes and its length; returns 0, or -1 when there is no room.
#[classifier]
fn ring_buffer(ctx: TcContext) -> i32 {
    let Ok(payload) = ctx.load::<[u8; 8]>(PAYLOAD) else { return i32::MIN };
    let Some(mut entry) = RECORDS.reserve(0) else { return -1 };
    let record = Record { payload, length: ctx.len(), padding: 0 };
    entry.write(record);
    entry.submit(0);
    debug!(&ctx, "sent a record about a packet of {} bytes", ctx.len());
    0
}
