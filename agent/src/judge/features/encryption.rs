//! Encryption between nodes.

use super::super::primitives as of;
use super::{CiliumFeature, REQUIREMENTS_RST};

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "wireguard",
        "WireGuard encryption",
        "5.6",
        of::WIREGUARD,
        REQUIREMENTS_RST,
    )
    .caveats(&["Without the kernel's own WireGuard Cilium stops at start; the user-space fallback ended with 1.16."]),
    CiliumFeature::new("ipsec", "IPsec encryption", "4.19", of::IPSEC, REQUIREMENTS_RST).caveats(&[
        "Host routing falls back to legacy, and the bandwidth manager is switched off.",
        "Not in chaining behind the AWS VPC CNI (cilium#15596).",
    ]),
];
