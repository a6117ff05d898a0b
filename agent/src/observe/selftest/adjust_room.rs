//! `bpf_skb_adjust_room` with `BPF_ADJ_ROOM_MAC`.

use agent_ebpf::selftest::ADDED_ROOM;

use super::bench::{Bench, wrong};
use super::packet::{IPV4, packet};
use super::{Checked, skb};

/// The packet is longer, its Ethernet header in front and its IP packet behind are the same.
pub(super) fn check(bench: Bench) -> Checked {
    let before = packet();
    let output = skb::run(bench, "adjust_room_mac", &before)?;
    let after = &output.packet;
    if output.returned != 0 {
        return Err(wrong(format!("bpf_skb_adjust_room answered {}", output.returned)));
    }
    if after.len() != before.len() + ADDED_ROOM {
        return Err(wrong(format!("{} bytes became {}", before.len(), after.len())));
    }
    let (header, inner) = before.split_at(IPV4.start);
    if !after.starts_with(header) || !after.ends_with(inner) {
        return Err(wrong("the packet grew and what was in it changed"));
    }
    Ok(())
}
