//! What single abilities are called in evidence.

use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::facts::selftest::Selftest;

pub(super) fn feature(feature: Feature) -> &'static str {
    match feature {
        Feature::LargeInstructionLimit => "programs of more than 4096 instructions",
        Feature::BoundedLoops => "bounded loops",
        Feature::IsaV2 => "instruction set v2",
        Feature::IsaV3 => "instruction set v3",
        Feature::IsaV4 => "instruction set v4",
        Feature::Jit => "the BPF JIT compiler",
        Feature::DeadCodeElimination => "dead-code elimination",
        Feature::BatchMapOperations => "batch map operations",
        Feature::MmapableArray => "mmap-able arrays",
        Feature::Token => "BPF tokens",
        Feature::SignedPrograms => "signed programs",
        Feature::CgroupAttach => "attaching programs to cgroups",
        Feature::BpfLink => "BPF links",
        Feature::GlobalData => "global data in programs",
        Feature::CallbackWithTailCall => "callbacks beside tail calls",
        Feature::Trampoline => "BPF trampolines",
        Feature::LsmAttach => "attaching BPF LSM programs",
        Feature::TestRun => "BPF_PROG_TEST_RUN",
        Feature::BtfLoad => "loading BTF",
        Feature::KprobeEvents => "kprobe events of perf",
        Feature::UprobeEvents => "uprobe events of perf",
        Feature::TracepointEvents => "tracepoint events of perf",
    }
}

pub(super) fn selftest(test: Selftest) -> &'static str {
    match test {
        Selftest::AdjustRoomMac => "self-test: bpf_skb_adjust_room in MAC mode",
        Selftest::CsumLevel => "self-test: bpf_csum_level",
        Selftest::FibLookup => "self-test: bpf_fib_lookup",
        Selftest::FibLookupSkipNeigh => "self-test: BPF_FIB_LOOKUP_SKIP_NEIGH",
        Selftest::FibLookupTbid => "self-test: BPF_FIB_LOOKUP_TBID",
        Selftest::FibLookupSrc => "self-test: BPF_FIB_LOOKUP_SRC",
        Selftest::FibLookupMark => "self-test: BPF_FIB_LOOKUP_MARK",
        Selftest::Redirect => "self-test: bpf_redirect",
        Selftest::RedirectNeigh => "self-test: bpf_redirect_neigh",
        Selftest::RedirectPeer => "self-test: bpf_redirect_peer",
        Selftest::TailCall => "self-test: tail call",
        Selftest::LpmTrieLookup => "self-test: LPM trie look-up",
        Selftest::HashOfMapsLookup => "self-test: hash-of-maps look-up",
        Selftest::SkbEcnSetCe => "self-test: bpf_skb_ecn_set_ce",
        Selftest::NetnsCookie => "self-test: bpf_get_netns_cookie",
        Selftest::SkAssign => "self-test: bpf_sk_assign",
        Selftest::RingBuffer => "self-test: ring buffer",
        Selftest::Connect4Rewrite => "self-test: connect4 rewrite in a cgroup",
    }
}

pub(super) fn net(probe: NetProbe) -> &'static str {
    match probe {
        NetProbe::VethLink => "link of kind veth",
        NetProbe::VxlanLink => "link of kind vxlan",
        NetProbe::GeneveLink => "link of kind geneve",
        NetProbe::WireguardLink => "link of kind wireguard",
        NetProbe::NetkitLink => "link of kind netkit",
        NetProbe::NetkitScrub => "IFLA_NETKIT_SCRUB",
        NetProbe::ClsactQdisc => "clsact qdisc",
        NetProbe::TcxAttach => "tcx attachment",
        NetProbe::XdpDriverAttach => "XDP in driver mode on veth",
        NetProbe::FqQdisc => "fq qdisc",
        NetProbe::ManagedNeighbor => "managed neighbours",
        NetProbe::XfrmOutputMark => "XFRM state with output mark",
        NetProbe::BigTcpIpv6 => "GSO beyond 64 KiB for IPv6",
        NetProbe::BigTcpIpv4 => "GSO beyond 64 KiB for IPv4",
        NetProbe::FibRule => "policy-routing rules",
    }
}
