//! Pacing of pods.

use super::super::primitives as of;
use super::super::requirement::Requirement::{All, Helper};
use super::{CiliumFeature, REQUIREMENTS_RST};

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "bandwidth-manager",
        "Bandwidth manager",
        "5.1",
        All(&[of::ECN_SET_CE, of::FQ, of::DEFAULT_QDISC]),
        REQUIREMENTS_RST,
    )
    .caveats(&[
        "Switched off with a warning when IPsec is on, or when net.core.default_qdisc cannot be read.",
        "Writes net.core.default_qdisc=fq and net.ipv4.tcp_congestion_control on the host.",
    ]),
    CiliumFeature::new(
        "bbr",
        "BBR for pods",
        "5.18",
        All(&[Helper("sched_cls", "skb_set_tstamp"), of::BBR]),
        REQUIREMENTS_RST,
    )
    .requires(&["bandwidth-manager", "host-routing"])
    .caveats(&["Without bpf_skb_set_tstamp or BPF host routing Cilium stops at start."]),
];
