//! How programs are attached to devices, and what kind of device a pod gets.

use super::super::primitives as of;
use super::{CiliumFeature, PROBES_GO, REQUIREMENTS_RST};

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new("tcx", "tcx attachment", "6.6", of::TCX, PROBES_GO)
        .since(16)
        .caveats(&["Missing, Cilium attaches by the clsact qdisc, without an error."]),
    CiliumFeature::new("netkit", "netkit devices", "6.8", of::NETKIT, REQUIREMENTS_RST)
        .since(16)
        .requires(&["host-routing"])
        .caveats(&[
            "Excludes bpf.tproxy; Kata containers do not work with it.",
            "Pods that run already keep their veth devices until they are created anew.",
            "Older releases run on a kernel without netkit, and pods hang (cilium#33878).",
        ]),
];
