//! Requirements that releases and features share, each told once: what to ask, strongest first.

use super::requirement::Requirement::{
    self, All, Any, Attach, Bpf, Config, First, Helper, Link, Map, Module, Net, Program,
    ProgramFor, Selftest, Sysctl, SysctlWord, Unrefuted,
};
use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::facts::selftest::Selftest as Test;

/// Cilium's images exist for amd64 and arm64 only: `Documentation/operations/system_requirements.rst`.
pub const MACHINE: Requirement = Requirement::Machine(&["x86_64", "aarch64"]);

/// The datapath's own program types and the maps it always creates.
///
/// Cilium 1.13 to 1.15 probe none of this; a kernel that lacks one cannot hold their datapath
/// (`bpf_lxc.c` is sched_cls, tail calls go through a prog_array, ipcache is an lpm_trie).
pub const BASE: Requirement = All(&[
    Requirement::Syscall,
    Program("sched_cls"),
    Map("hash"),
    Map("array"),
    Map("percpu_hash"),
    Map("prog_array"),
    Map("perf_event_array"),
    Map("lru_hash"),
    Map("lpm_trie"),
]);

/// Programs run as machine code: `HaveBPFJIT` of `pkg/datapath/linux/probes`.
pub const JIT: Requirement = Bpf(Feature::Jit);

/// The clsact qdisc: made for real, else by the code behind it.
pub const CLSACT: Requirement = First(&[
    Net(NetProbe::ClsactQdisc),
    All(&[
        Module("sch_ingress", "CONFIG_NET_SCH_INGRESS"),
        Module("cls_bpf", "CONFIG_NET_CLS_BPF"),
        Unrefuted(&Config("CONFIG_NET_CLS_ACT")),
    ]),
]);

/// A tcx link (Linux 6.6): attached for real, else by trying to attach to nothing.
pub const TCX: Requirement = First(&[Net(NetProbe::TcxAttach), Link("tcx")]);

/// From 1.16 on, tcx serves where clsact is missing.
pub const CLSACT_OR_TCX: Requirement = Any(&[TCX, CLSACT]);

/// `HaveDeadCodeElimination` (Linux 5.1).
pub const DEAD_CODE_ELIMINATION: Requirement = Bpf(Feature::DeadCodeElimination);

/// `HaveLargeInstructionLimit` (Linux 5.2).
pub const LARGE_PROGRAMS: Requirement = Bpf(Feature::LargeInstructionLimit);

/// Cilium's stand-in for a writable `skb->queue_mapping` (Linux 5.1).
pub const ECN_SET_CE: Requirement = Helper("sched_cls", "skb_ecn_set_ce");

/// `BPF_ADJ_ROOM_MAC` (Linux 5.2): the helper is older than the mode, so it must run.
pub const ADJUST_ROOM_MAC: Requirement =
    All(&[Helper("sched_cls", "skb_adjust_room"), Selftest(Test::AdjustRoomMac)]);

/// Both redirects of BPF host routing (Linux 5.10).
pub const REDIRECT_NEIGH_PEER: Requirement =
    All(&[Helper("sched_cls", "redirect_neigh"), Helper("sched_cls", "redirect_peer")]);

/// `bpf_jiffies64` in the four program types that keep time (Linux 5.5 and 5.6).
pub const JIFFIES: Requirement = All(&[
    Helper("cgroup_sock", "jiffies64"),
    Helper("cgroup_sock_addr", "jiffies64"),
    Helper("sched_cls", "jiffies64"),
    Helper("xdp", "jiffies64"),
]);

/// `bpf_get_netns_cookie` in both socket program types (Linux 5.7).
pub const NETNS_COOKIE: Requirement = All(&[
    Helper("cgroup_sock", "get_netns_cookie"),
    Helper("cgroup_sock_addr", "get_netns_cookie"),
]);

/// `bpf_fib_lookup` in tc programs (Linux 4.18).
pub const FIB_LOOKUP: Requirement = Helper("sched_cls", "fib_lookup");

/// `bpf_sk_assign` in tc programs (Linux 5.7).
pub const SK_ASSIGN: Requirement = Helper("sched_cls", "sk_assign");

/// What of socket load balancing is fatal when missing: connect and recvmsg, for IPv4.
pub const SOCKET_LB_V4: Requirement = All(&[
    Bpf(Feature::CgroupAttach),
    ProgramFor("cgroup_sock_addr", "cgroup_inet4_connect"),
    ProgramFor("cgroup_sock_addr", "cgroup_udp4_sendmsg"),
    ProgramFor("cgroup_sock_addr", "cgroup_udp4_recvmsg"),
]);

/// The same for IPv6.
pub const SOCKET_LB_V6: Requirement = All(&[
    ProgramFor("cgroup_sock_addr", "cgroup_inet6_connect"),
    ProgramFor("cgroup_sock_addr", "cgroup_udp6_sendmsg"),
    ProgramFor("cgroup_sock_addr", "cgroup_udp6_recvmsg"),
]);

/// The fq qdisc of the bandwidth manager.
pub const FQ: Requirement = First(&[Net(NetProbe::FqQdisc), Module("sch_fq", "CONFIG_NET_SCH_FQ")]);

/// BBR congestion control: loaded now, else on disk. The sysctl lists only what is loaded, so a
/// word that is missing there proves nothing.
pub const BBR: Requirement = Any(&[
    SysctlWord("net.ipv4.tcp_available_congestion_control", "bbr"),
    Module("tcp_bbr", "CONFIG_TCP_CONG_BBR"),
]);

/// The qdisc default can be read, and so written.
pub const DEFAULT_QDISC: Requirement = Sysctl("net.core.default_qdisc");

/// A WireGuard link.
pub const WIREGUARD: Requirement =
    First(&[Net(NetProbe::WireguardLink), Module("wireguard", "CONFIG_WIREGUARD")]);

/// A netkit pair, and programs on it (Linux 6.8).
pub const NETKIT: Requirement = All(&[
    First(&[Link("netkit"), Net(NetProbe::NetkitLink), Config("CONFIG_NETKIT")]),
    Unrefuted(&Net(NetProbe::NetkitLink)),
]);

/// iptables in either flavour: Cilium's image carries both and picks the one the host uses.
const IPTABLES: Requirement = Any(&[
    Module("ip_tables", "CONFIG_IP_NF_IPTABLES"),
    All(&[Module("nf_tables", "CONFIG_NF_TABLES"), Module("nft_compat", "CONFIG_NFT_COMPAT")]),
]);

/// Redirection of packets to the L7 proxy by iptables.
pub const TPROXY_IPTABLES: Requirement = All(&[
    IPTABLES,
    Module("xt_TPROXY", "CONFIG_NETFILTER_XT_TARGET_TPROXY"),
    Module("xt_mark", "CONFIG_NETFILTER_XT_MATCH_MARK"),
    Module("xt_CT", "CONFIG_NETFILTER_XT_TARGET_CT"),
]);

/// Redirection of packets to the L7 proxy by BPF (`bpf.tproxy`).
pub const TPROXY_BPF: Requirement = All(&[
    SK_ASSIGN,
    Helper("sched_cls", "skc_lookup_tcp"),
    Helper("sched_cls", "sk_lookup_udp"),
    Helper("sched_cls", "sk_release"),
]);

/// Early finding of local sockets for the L7 proxy; Cilium has a fallback without it.
pub const XT_SOCKET: Requirement = Module("xt_socket", "CONFIG_NETFILTER_XT_MATCH_SOCKET");

/// What iptables masquerading needs beside iptables itself.
pub const MASQUERADE_IPTABLES: Requirement = All(&[
    IPTABLES,
    Module("xt_set", "CONFIG_NETFILTER_XT_SET"),
    Module("ip_set", "CONFIG_IP_SET"),
    Module("ip_set_hash_ip", "CONFIG_IP_SET_HASH_IP"),
    Module("xt_comment", "CONFIG_NETFILTER_XT_MATCH_COMMENT"),
]);

/// An XFRM state as Cilium's IPsec makes it: made for real, else the code behind it.
pub const IPSEC: Requirement = First(&[
    Net(NetProbe::XfrmOutputMark),
    All(&[
        Module("xfrm_user", "CONFIG_XFRM_USER"),
        Module("xfrm_algo", "CONFIG_XFRM_ALGO"),
        Module("esp4", "CONFIG_INET_ESP"),
        Module("gcm", "CONFIG_CRYPTO_GCM"),
        Module("seqiv", "CONFIG_CRYPTO_SEQIV"),
        Unrefuted(&Config("CONFIG_XFRM")),
        Unrefuted(&Config("CONFIG_CRYPTO_AES")),
    ]),
]);

/// Overlay devices.
pub const VXLAN: Requirement = First(&[Net(NetProbe::VxlanLink), Module("vxlan", "CONFIG_VXLAN")]);

/// Overlay devices.
pub const GENEVE: Requirement =
    First(&[Net(NetProbe::GeneveLink), Module("geneve", "CONFIG_GENEVE")]);

/// Maglev's tables: a hash of arrays.
pub const MAGLEV: Requirement = All(&[Map("hash_of_maps"), Map("array")]);

/// NodePort sockets are kept from being bound: post_bind programs.
pub const BIND_PROTECTION: Requirement = All(&[
    ProgramFor("cgroup_sock", "cgroup_inet4_post_bind"),
    Unrefuted(&Attach("cgroup_inet4_post_bind")),
]);
