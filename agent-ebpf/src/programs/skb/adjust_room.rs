//! `bpf_skb_adjust_room`, by which tunnels make room for an outer header.

use agent_ebpf::selftest::ADDED_ROOM;
use aya_ebpf::bindings::bpf_adj_room_mode::BPF_ADJ_ROOM_MAC;
use aya_ebpf::helpers::bpf_skb_adjust_room;
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

/// Grows the packet between its Ethernet and its IP header; returns what the helper said.
#[classifier]
fn adjust_room_mac(ctx: TcContext) -> i32 {
    // SAFETY: the context is the kernel's own, as the helper asks.
    unsafe { bpf_skb_adjust_room(ctx.skb.skb, ADDED_ROOM as i32, BPF_ADJ_ROOM_MAC, 0) as i32 }
}
