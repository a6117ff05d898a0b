//! Services without kube-proxy, and what builds on that.

use super::super::primitives as of;
use super::super::requirement::Requirement::{All, Helper, Map, NetClsMounted};
use super::{CiliumFeature, KPR_GO, KUBEPROXY_FREE, REQUIREMENTS_RST};

/// The feature that many others need.
pub(super) const KPR: &str = "kube-proxy-replacement";

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        KPR,
        "Kube-proxy replacement",
        "4.19",
        All(&[of::FIB_LOOKUP, of::SOCKET_LB_V4, Helper("cgroup_sock_addr", "get_socket_cookie")]),
        KPR_GO,
    ),
    CiliumFeature::new(
        "nodeport-bind-protection",
        "Protection of NodePorts from bind",
        "4.17",
        of::BIND_PROTECTION,
        KPR_GO,
    )
    .requires(&[KPR]),
    CiliumFeature::new(
        "session-affinity",
        "Session affinity",
        "5.7",
        of::NETNS_COOKIE,
        REQUIREMENTS_RST,
    )
    .requires(&[KPR])
    .caveats(&["Up to 1.18 it works by source address without network namespace cookies; from 1.19 on Cilium does not start without them."]),
    CiliumFeature::new("maglev", "Maglev hashing", "", of::MAGLEV, KPR_GO).requires(&[KPR]),
    CiliumFeature::new(
        "local-redirect-policy",
        "Local redirect policy",
        "5.7",
        of::NETNS_COOKIE,
        REQUIREMENTS_RST,
    )
    .requires(&["socket-lb"])
    .caveats(&["Its option skipRedirectFromBackend needs SO_NETNS_COOKIE (Linux 5.14)."]),
    CiliumFeature::new(
        "l2-announcements",
        "L2 announcements",
        "",
        Map("hash"),
        KUBEPROXY_FREE,
    )
    .since(14)
    .requires(&[KPR]),
    CiliumFeature::new(
        "pcap-recorder",
        "PCAP recorder",
        "5.8",
        Helper("xdp", "ktime_get_boot_ns"),
        KPR_GO,
    ),
    CiliumFeature::new(
        "mke",
        "Mirantis Kubernetes Engine support",
        "5.7",
        All(&[
            Helper("cgroup_sock_addr", "get_cgroup_classid"),
            Helper("cgroup_sock_addr", "get_netns_cookie"),
            NetClsMounted,
        ]),
        KPR_GO,
    )
    .requires(&[KPR]),
];
