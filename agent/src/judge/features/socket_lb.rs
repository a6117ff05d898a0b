//! Services translated at the socket, by programs on the cgroup root.

use super::super::primitives as of;
use super::super::requirement::Requirement::{All, Helper, Ipv6, ProgramFor};
use super::{CiliumFeature, KPR_GO, PROBES_GO, REQUIREMENTS_RST};

const NAME: &str = "socket-lb";

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(NAME, "Socket load balancing", "5.2", of::SOCKET_LB_V4, KPR_GO),
    CiliumFeature::new(
        "socket-lb-ipv6",
        "Socket load balancing for IPv6",
        "5.2",
        All(&[Ipv6, of::SOCKET_LB_V6]),
        KPR_GO,
    )
    .requires(&[NAME]),
    CiliumFeature::new(
        "socket-lb-getpeername",
        "Socket load balancing: getpeername(2)",
        "5.8",
        ProgramFor("cgroup_sock_addr", "cgroup_inet4_getpeername"),
        KPR_GO,
    )
    .requires(&[NAME])
    .caveats(&["Missing, applications see the backend's address; Cilium says nothing."]),
    CiliumFeature::new(
        "socket-lb-tracing",
        "Socket load balancing: tracing",
        "5.7",
        Helper("cgroup_sock_addr", "perf_event_output"),
        KPR_GO,
    )
    .requires(&[NAME])
    .caveats(&["Missing, Cilium up to 1.19 switches tracing off and says so in its log."]),
    CiliumFeature::new(
        "socket-lb-hostns-only",
        "Socket load balancing in the host namespace only",
        "5.7",
        of::NETNS_COOKIE,
        REQUIREMENTS_RST,
    )
    .requires(&[NAME])
    .caveats(&["Service meshes, KubeVirt and gVisor need it."]),
    CiliumFeature::new(
        "socket-lb-errors",
        "Socket load balancing: errors for services without backends",
        "5.17",
        Helper("cgroup_sock_addr", "set_retval"),
        PROBES_GO,
    )
    .requires(&[NAME])
    .caveats(&["Missing, the code is left out and connect(2) fails with EPERM."]),
];
