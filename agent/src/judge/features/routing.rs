//! How packets leave a pod and a node.

use super::super::primitives as of;
use super::super::requirement::Requirement::{Helper, Map};
use super::load_balancing::KPR;
use super::{CiliumFeature, REQUIREMENTS_RST};

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "host-routing",
        "BPF host routing",
        "5.10",
        of::REDIRECT_NEIGH_PEER,
        REQUIREMENTS_RST,
    )
    .requires(&[KPR, "bpf-masquerading"])
    .caveats(&[
        "Falls back to legacy routing, without an error, with IPsec or with iptables masquerading.",
        "Off in chaining behind another CNI: the chart sets enable-host-legacy-routing (cilium#20677).",
    ]),
    CiliumFeature::new(
        "bpf-masquerading",
        "BPF masquerading",
        "4.19",
        Map("lru_hash"),
        REQUIREMENTS_RST,
    )
    .requires(&[KPR]),
    CiliumFeature::new(
        "iptables-masquerading",
        "iptables masquerading",
        "",
        of::MASQUERADE_IPTABLES,
        REQUIREMENTS_RST,
    )
    .caveats(&["The default as long as bpf.masquerade is not set."]),
    CiliumFeature::new("tunnel-vxlan", "VXLAN tunnels", "", of::VXLAN, REQUIREMENTS_RST),
    CiliumFeature::new("tunnel-geneve", "Geneve tunnels", "", of::GENEVE, REQUIREMENTS_RST),
    CiliumFeature::new(
        "l3-devices",
        "Devices without MAC address",
        "5.8",
        Helper("sched_cls", "skb_change_head"),
        REQUIREMENTS_RST,
    ),
];
