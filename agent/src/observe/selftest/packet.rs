//! The packet that the programs are run on.

use agent_ebpf::selftest::{DESTINATION, PAYLOAD};

/// Payload of the packet in bytes.
const PAYLOAD_BYTES: usize = 32;
/// `tos` of the IPv4 header: ECT(0) of RFC 3168, a sender that understands congestion marks.
pub(super) const ECT_0: u8 = 0b10;
/// Where `tos` is.
pub(super) const TOS: usize = 15;
/// Where the IPv4 header is, and where it ends.
pub(super) const IPV4: std::ops::Range<usize> = 14..34;

/// An Ethernet frame with an IPv4 UDP packet from 10.0.0.1 to 10.1.2.3; the payload counts up.
pub(super) fn packet() -> Vec<u8> {
    let mut packet = Vec::with_capacity(PAYLOAD + PAYLOAD_BYTES);
    // Locally administered addresses and ETH_P_IP.
    packet.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    let total = (20 + 8 + PAYLOAD_BYTES) as u8;
    packet.extend([0x45, ECT_0, 0, total, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 1, 2, 3]);
    let sum = ipv4_checksum(&packet[IPV4]).to_be_bytes();
    packet[24..26].copy_from_slice(&sum);
    packet.extend([0x30, 0x39, 0x00, 0x35, 0, total - 20, 0, 0]);
    packet.extend((0..PAYLOAD_BYTES as u8).map(|it| it + 1));
    packet
}

/// The packet with this IPv4 destination.
pub(super) fn packet_to(destination: [u8; 4]) -> Vec<u8> {
    let mut packet = packet();
    packet[DESTINATION..DESTINATION + 4].copy_from_slice(&destination);
    packet
}

/// The packet with `question` at the start of its payload.
pub(super) fn packet_with(question: &[u8]) -> Vec<u8> {
    let mut packet = packet();
    packet[PAYLOAD..PAYLOAD + question.len()].copy_from_slice(question);
    packet
}

/// Checksum of an IPv4 header, RFC 1071: over a header that has a right one it is 0.
pub(super) fn ipv4_checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).map(|it| u32::from(u16::from_be_bytes([it[0], it[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of <https://en.wikipedia.org/wiki/Internet_checksum>, an IPv4 header.
    #[test]
    fn the_checksum_of_a_known_header() {
        let header: [u8; 20] = [
            0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
            0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
        ];
        assert_eq!(ipv4_checksum(&header), 0xb861);
    }

    #[test]
    fn the_packet_has_a_right_checksum() {
        assert_eq!(ipv4_checksum(&packet()[IPV4]), 0);
        assert_eq!(&packet()[DESTINATION..DESTINATION + 4], [10, 1, 2, 3]);
    }
}
