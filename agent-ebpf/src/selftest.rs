//! What the self-test programs are asked, and what they answer.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Where the packets of the self-tests carry questions and answers: behind an Ethernet (14), an
/// IPv4 (20) and a UDP header (8), in bytes.
pub const PAYLOAD: usize = 42;
/// Where their IPv4 destination is: 16 bytes into the header, RFC 791.
pub const DESTINATION: usize = 30;
/// By how many bytes `adjust_room_mac` grows the packet: one outer IPv4 header.
pub const ADDED_ROOM: usize = 20;
/// What a tail call's target returns, and what the caller returns when the call did not happen.
pub const TAIL_CALLED: i32 = 0x7a11;
/// See [`TAIL_CALLED`].
pub const FELL_THROUGH: i32 = 0x0ff;
/// The only key of `hash_of_maps`' outer map.
pub const OUTER_KEY: u32 = 7;
/// The address that `connect4_rewrite` translates, in network order as bytes: a loopback address
/// that nobody has, so that an untranslated connect(2) stays on this machine and fails.
pub const SERVICE_IP: [u8; 4] = [127, 98, 112, 102];
/// The port of [`SERVICE_IP`].
pub const SERVICE_PORT: u16 = 9;

/// Answers of `bpf_csum_level`, in the order they were asked.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct CsumLevels {
    /// `BPF_CSUM_LEVEL_QUERY` of the untouched packet.
    pub untouched: i32,
    /// `BPF_CSUM_LEVEL_QUERY` after one `BPF_CSUM_LEVEL_INC`.
    pub raised_once: i32,
    /// `BPF_CSUM_LEVEL_QUERY` after another.
    pub raised_twice: i32,
    /// `BPF_CSUM_LEVEL_QUERY` after `BPF_CSUM_LEVEL_RESET`.
    pub reset: i32,
}

/// One look-up for `bpf_fib_lookup`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct FibQuestion {
    /// `BPF_FIB_LOOKUP_*`.
    pub flags: u32,
    /// Interface the packet is to have come from.
    pub interface: u32,
    /// Source address, in network order.
    pub source: [u8; 4],
    /// Destination address, in network order.
    pub destination: [u8; 4],
}

/// A socket that `sk_assign` is to find.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct SocketQuestion {
    /// The socket's own address, in network order.
    pub address: [u8; 4],
    /// The socket's own port, in network order.
    pub port: [u8; 2],
    /// Always 0.
    pub padding: [u8; 2],
}

/// What `sk_assign` found and was told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct SocketAnswer {
    /// 1: `bpf_sk_lookup_udp` found a socket.
    pub found: u32,
    /// Port of that socket, in host order.
    pub port: u32,
    /// Answer of `bpf_sk_assign`.
    pub assigned: i32,
    /// Answer of `bpf_sk_assign` with a flag that no kernel knows.
    pub assigned_with_unknown_flag: i32,
}

/// What `ring_buffer` sends.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct Record {
    /// The first eight bytes of the packet's payload.
    pub payload: [u8; 8],
    /// Length of the packet in bytes.
    pub length: u32,
    /// Always 0.
    pub padding: u32,
}

const _: () = assert!(size_of::<CsumLevels>() == 16);
const _: () = assert!(size_of::<FibQuestion>() == 16);
const _: () = assert!(size_of::<SocketQuestion>() == 8);
const _: () = assert!(size_of::<SocketAnswer>() == 16);
const _: () = assert!(size_of::<Record>() == 16);
