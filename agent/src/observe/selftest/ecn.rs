//! `bpf_skb_ecn_set_ce`.

use super::bench::{Bench, wrong};
use super::packet::{ECT_0, IPV4, TOS, ipv4_checksum, packet};
use super::{Checked, skb};

/// Congestion experienced, RFC 3168.
const CE: u8 = 0b11;

/// The packet carries the mark, its header's checksum is right again, nothing else changed.
pub(super) fn check(bench: Bench) -> Checked {
    let before = packet();
    let output = skb::run(bench, "ecn_set_ce", &before)?;
    let mut after = output.packet;
    if output.returned != 1 {
        return Err(wrong(format!("bpf_skb_ecn_set_ce answered {}", output.returned)));
    }
    if after.len() != before.len() || after[TOS] != CE {
        return Err(wrong("bpf_skb_ecn_set_ce answered 1 and the packet is not marked"));
    }
    if ipv4_checksum(&after[IPV4]) != 0 {
        return Err(wrong("the marked packet has a wrong IPv4 checksum"));
    }
    after[TOS] = ECT_0;
    after[24..26].copy_from_slice(&before[24..26]);
    if after != before {
        return Err(wrong("bpf_skb_ecn_set_ce changed more than the mark"));
    }
    Ok(())
}
