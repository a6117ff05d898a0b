//! What goes through the L7 proxy and the DNS proxy: packets must be handed to a local socket.

use super::super::primitives as of;
use super::super::requirement::Requirement::{self, All, Any, Sysctl};
use super::{CiliumFeature, REQUIREMENTS_RST};

/// By iptables (the default) or by BPF (`bpf.tproxy`). Where xt_socket is missing, Cilium turns
/// `net.ipv4.ip_early_demux` off instead (`pkg/datapath/iptables`).
const REDIRECTION: Requirement = Any(&[
    All(&[of::TPROXY_IPTABLES, Any(&[of::XT_SOCKET, Sysctl("net.ipv4.ip_early_demux")])]),
    of::TPROXY_BPF,
]);

const CAVEATS: &[&str] = &[
    "Where xt_TPROXY is missing, only bpf.tproxy=true redirects packets to the proxy.",
    "Where xt_socket is missing, Cilium turns net.ipv4.ip_early_demux off, and with tunnelling or enableXTSocketFallback=false it stops at start.",
    "Chaining behind the AWS VPC CNI has no L7 policy (cilium#12454).",
];

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new("l7-policy", "L7 policy", "", REDIRECTION, REQUIREMENTS_RST)
        .caveats(CAVEATS),
    CiliumFeature::new("fqdn-filtering", "FQDN filtering", "", REDIRECTION, REQUIREMENTS_RST)
        .caveats(CAVEATS),
    CiliumFeature::new(
        "bpf-tproxy",
        "BPF-based proxy redirection",
        "5.7",
        of::TPROXY_BPF,
        REQUIREMENTS_RST,
    )
    .caveats(&["Excludes netkit."]),
];
