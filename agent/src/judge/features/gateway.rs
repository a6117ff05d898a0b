//! Traffic that leaves or enters the cluster in special ways.

use super::super::primitives as of;
use super::super::requirement::Requirement::{All, Bpf, Helper, Map};
use super::load_balancing::KPR;
use super::{CiliumFeature, REQUIREMENTS_RST};
use crate::facts::bpf::Feature;

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "egress-gateway",
        "Egress gateway",
        "5.2",
        All(&[of::LARGE_PROGRAMS, Map("lpm_trie")]),
        REQUIREMENTS_RST,
    )
    .requires(&[KPR, "bpf-masquerading"]),
    CiliumFeature::new("vtep", "VTEP integration", "5.2", of::LARGE_PROGRAMS, REQUIREMENTS_RST),
    // The documented 5.10 is that of tail calls beside sub-programs; the helper is of 5.13.
    CiliumFeature::new(
        "multicast",
        "Multicast",
        "5.10 on amd64, 6.0 on arm64",
        All(&[
            Bpf(Feature::CallbackWithTailCall),
            Helper("sched_cls", "for_each_map_elem"),
            Map("hash_of_maps"),
        ]),
        REQUIREMENTS_RST,
    ),
    CiliumFeature::new(
        "srv6",
        "SRv6",
        "",
        All(&[Map("lpm_trie"), Helper("sched_cls", "skb_adjust_room")]),
        REQUIREMENTS_RST,
    ),
];
