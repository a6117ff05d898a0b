//! When Linux got what: to explain an answer, never to give one.

use super::primitives as of;
use super::requirement::Requirement::{
    self, Bpf, Helper, Link, Map, Net, Program, ProgramFor, Selftest,
};
use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::facts::selftest::Selftest as Test;

/// The first upstream kernel that had something.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// What it is called.
    pub name: &'static str,
    /// How it is asked for.
    pub needs: Requirement,
    /// Major and minor.
    pub first: (u32, u32),
    /// The only machine the row holds for, as `uname -m` writes it; `None`: all.
    pub machine: Option<&'static str>,
}

impl Since {
    const fn new(name: &'static str, needs: Requirement, major: u32, minor: u32) -> Self {
        Self { name, needs, first: (major, minor), machine: None }
    }

    const fn on(mut self, machine: &'static str) -> Self {
        self.machine = Some(machine);
        self
    }

    /// Whether the row speaks about this machine.
    pub fn concerns(&self, machine: &str) -> bool {
        self.machine.is_none_or(|it| it == machine)
    }
}

/// Sources: the test matrix of cilium/ebpf's `features`, Cilium's documented table of advanced
/// features, bpf-helpers(7), and `git describe --contains` of the commits that added each.
#[rustfmt::skip]
pub const FIRST: &[Since] = &[
    Since::new("LPM tries", Map("lpm_trie"), 4, 11),
    Since::new("maps in hash maps", Map("hash_of_maps"), 4, 12),
    Since::new("programs at connect(2)", ProgramFor("cgroup_sock_addr", "cgroup_inet4_connect"), 4, 17),
    Since::new("bpf_fib_lookup", of::FIB_LOOKUP, 4, 18),
    Since::new("dead-code elimination", of::DEAD_CODE_ELIMINATION, 5, 1),
    Since::new("bpf_skb_ecn_set_ce", of::ECN_SET_CE, 5, 1),
    Since::new("large programs", of::LARGE_PROGRAMS, 5, 2),
    Since::new("bpf_skb_adjust_room in MAC mode", Selftest(Test::AdjustRoomMac), 5, 2),
    Since::new("programs at recvmsg(2)", ProgramFor("cgroup_sock_addr", "cgroup_udp4_recvmsg"), 5, 2),
    Since::new("bounded loops", Bpf(Feature::BoundedLoops), 5, 3),
    Since::new("bpf_jiffies64", Helper("sched_cls", "jiffies64"), 5, 6),
    Since::new("batch map operations", Bpf(Feature::BatchMapOperations), 5, 6),
    Since::new("WireGuard", Net(NetProbe::WireguardLink), 5, 6),
    Since::new("BPF links", Bpf(Feature::BpfLink), 5, 7),
    Since::new("bpf_sk_assign", of::SK_ASSIGN, 5, 7),
    Since::new("network namespace cookies", of::NETNS_COOKIE, 5, 7),
    Since::new("ring buffers", Map("ringbuf"), 5, 8),
    Since::new("bpf_csum_level", Helper("sched_cls", "csum_level"), 5, 8),
    Since::new("bpf_skb_change_head in tc", Helper("sched_cls", "skb_change_head"), 5, 8),
    Since::new("programs at getpeername(2)", ProgramFor("cgroup_sock_addr", "cgroup_inet4_getpeername"), 5, 8),
    Since::new("socket look-up programs", Program("sk_lookup"), 5, 9),
    Since::new("bpf_redirect_neigh and _peer", of::REDIRECT_NEIGH_PEER, 5, 10),
    Since::new("bpf_for_each_map_elem", Helper("sched_cls", "for_each_map_elem"), 5, 13),
    Since::new("managed neighbours", Net(NetProbe::ManagedNeighbor), 5, 16),
    Since::new("bpf_set_retval", Helper("cgroup_sock_addr", "set_retval"), 5, 17),
    Since::new("bpf_skb_set_tstamp", Helper("sched_cls", "skb_set_tstamp"), 5, 18),
    Since::new("XDP on several buffers", Helper("xdp", "xdp_get_buff_len"), 5, 18),
    Since::new("BIG TCP for IPv6", Net(NetProbe::BigTcpIpv6), 5, 19),
    Since::new("BIG TCP for IPv4", Net(NetProbe::BigTcpIpv4), 6, 3),
    Since::new("BPF_FIB_LOOKUP_SKIP_NEIGH", Selftest(Test::FibLookupSkipNeigh), 6, 3),
    Since::new("BPF_FIB_LOOKUP_TBID", Selftest(Test::FibLookupTbid), 6, 5),
    Since::new("tcx", Link("tcx"), 6, 6),
    Since::new("instruction set v4", Bpf(Feature::IsaV4), 6, 6),
    Since::new("netkit", Link("netkit"), 6, 7),
    Since::new("BPF_FIB_LOOKUP_SRC", Selftest(Test::FibLookupSrc), 6, 7),
    Since::new("BPF tokens", Bpf(Feature::Token), 6, 9),
    Since::new("BPF_FIB_LOOKUP_MARK", Selftest(Test::FibLookupMark), 6, 10),
    // arm64 got trampolines in 6.0 and, for functions without the long prologue, direct calls in 6.4.
    Since::new("BPF trampolines", Bpf(Feature::Trampoline), 5, 5).on("x86_64"),
    Since::new("BPF trampolines", Bpf(Feature::Trampoline), 6, 4).on("aarch64"),
];
