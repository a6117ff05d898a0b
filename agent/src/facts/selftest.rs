//! What the self-tests exercise.

use serde::{Deserialize, Serialize};

/// Each thing of Cilium's datapath that a program of ours does for real, in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selftest {
    /// `bpf_skb_adjust_room` with `BPF_ADJ_ROOM_MAC` grows the packet behind its Ethernet header.
    AdjustRoomMac,
    /// `bpf_csum_level` is callable and answers.
    CsumLevel,
    /// `bpf_fib_lookup` finds a route or says why not.
    FibLookup,
    /// `BPF_FIB_LOOKUP_SKIP_NEIGH` (6.3) is accepted.
    FibLookupSkipNeigh,
    /// `BPF_FIB_LOOKUP_TBID` (6.5) is accepted.
    FibLookupTbid,
    /// `BPF_FIB_LOOKUP_SRC` (6.7) is accepted.
    FibLookupSrc,
    /// `BPF_FIB_LOOKUP_MARK` (6.10) is accepted.
    FibLookupMark,
    /// `bpf_redirect` returns TC_ACT_REDIRECT.
    Redirect,
    /// `bpf_redirect_neigh` returns TC_ACT_REDIRECT.
    RedirectNeigh,
    /// `bpf_redirect_peer` returns TC_ACT_REDIRECT.
    RedirectPeer,
    /// A tail call through a PROG_ARRAY reaches the other program.
    TailCall,
    /// An LPM_TRIE finds the longest prefix.
    LpmTrieLookup,
    /// A map inside a HASH_OF_MAPS is found and read.
    HashOfMapsLookup,
    /// `bpf_skb_ecn_set_ce` marks the packet.
    SkbEcnSetCe,
    /// `bpf_get_netns_cookie` answers with a cookie.
    NetnsCookie,
    /// `bpf_sk_assign` with a socket found by `bpf_sk_lookup_udp` or `_tcp`.
    SkAssign,
    /// A record sent through a RINGBUF arrives in user space.
    RingBuffer,
    /// A connect4 program in a throw-away cgroup rewrites a real connect(2).
    Connect4Rewrite,
}

impl Selftest {
    /// All, in the order they are told.
    pub const ALL: [Self; 18] = [
        Self::AdjustRoomMac,
        Self::CsumLevel,
        Self::FibLookup,
        Self::FibLookupSkipNeigh,
        Self::FibLookupTbid,
        Self::FibLookupSrc,
        Self::FibLookupMark,
        Self::Redirect,
        Self::RedirectNeigh,
        Self::RedirectPeer,
        Self::TailCall,
        Self::LpmTrieLookup,
        Self::HashOfMapsLookup,
        Self::SkbEcnSetCe,
        Self::NetnsCookie,
        Self::SkAssign,
        Self::RingBuffer,
        Self::Connect4Rewrite,
    ];
}
