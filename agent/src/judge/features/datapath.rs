//! The datapath itself, what every installation has of it, and what it does on newer kernels.

use super::super::primitives as of;
use super::super::requirement::Requirement::{
    All, Any, Bpf, Config, Helper, Ipv6, Iterator, Kfunc, Map, Net, Selftest,
};
use super::{CiliumFeature, KPR_GO, PROBES_GO, REQUIREMENTS_RST};
use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::facts::selftest::Selftest as Test;

/// The feature that is the release itself.
pub(super) const NAME: &str = "ebpf-datapath";

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(NAME, "eBPF datapath", "", of::BASE, REQUIREMENTS_RST),
    CiliumFeature::new(
        "hubble",
        "Hubble",
        "",
        All(&[Map("perf_event_array"), Helper("sched_cls", "perf_event_output")]),
        REQUIREMENTS_RST,
    ),
    CiliumFeature::new(
        "host-firewall",
        "Host firewall",
        "",
        All(&[Helper("sched_cls", "redirect"), Map("lpm_trie")]),
        REQUIREMENTS_RST,
    ),
    CiliumFeature::new("ipv6", "IPv6", "", Ipv6, REQUIREMENTS_RST),
    CiliumFeature::new(
        "batch-map-operations",
        "Batch map operations",
        "5.6",
        Bpf(Feature::BatchMapOperations),
        PROBES_GO,
    )
    .caveats(&["Connection-tracking clean-up and map dumps use them."]),
    CiliumFeature::new("bpf-link", "BPF links", "5.7", Bpf(Feature::BpfLink), PROBES_GO)
        .caveats(&["Without them programs are attached the old way, and can be replaced by others."]),
    CiliumFeature::new(
        "health-datapath",
        "Health datapath",
        "5.12",
        Helper("cgroup_sock_addr", "getsockopt"),
        KPR_GO,
    )
    .caveats(&["Without bpf_getsockopt Cilium switches it off."]),
    CiliumFeature::new(
        "socket-termination",
        "Termination of sockets to dead backends",
        "6.5",
        Any(&[
            All(&[Kfunc("bpf_sock_destroy"), Iterator("tcp"), Iterator("udp")]),
            Config("CONFIG_INET_DIAG_DESTROY"),
        ]),
        PROBES_GO,
    )
    .caveats(&["Without the kfunc bpf_sock_destroy Cilium asks the kernel by INET_DIAG to destroy sockets."]),
    CiliumFeature::new(
        "managed-neighbours",
        "Managed neighbours",
        "5.16",
        Net(NetProbe::ManagedNeighbor),
        PROBES_GO,
    )
    .caveats(&["Without them the agent refreshes neighbours itself."]),
    fib_flag("fib-lookup-skip-neigh", "Route look-up without neighbour", "6.3", Test::FibLookupSkipNeigh),
    fib_flag("fib-lookup-tbid", "Route look-up by table", "6.5", Test::FibLookupTbid),
    fib_flag("fib-lookup-src", "Route look-up with source", "6.7", Test::FibLookupSrc),
    fib_flag("fib-lookup-mark", "Route look-up by mark", "6.10", Test::FibLookupMark),
];

const fn fib_flag(
    name: &'static str,
    title: &'static str,
    kernel: &'static str,
    test: Test,
) -> CiliumFeature {
    // The enum value is const, but a slice of it must be promoted: one requirement, no slice.
    CiliumFeature::new(name, title, kernel, Selftest(test), PROBES_GO)
}
