//! What the kernel's network stack lets a throw-away network namespace do.

use serde::{Deserialize, Serialize};

/// Each thing that is created for real in a network namespace that dies with the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetProbe {
    /// A link of kind `veth`.
    VethLink,
    /// A link of kind `vxlan`.
    VxlanLink,
    /// A link of kind `geneve`.
    GeneveLink,
    /// A link of kind `wireguard` (5.6).
    WireguardLink,
    /// A link of kind `netkit` (6.7).
    NetkitLink,
    /// `IFLA_NETKIT_SCRUB` is accepted (6.10, back-ported to some 6.8).
    NetkitScrub,
    /// A `clsact` qdisc on the namespace's `lo`.
    ClsactQdisc,
    /// A sched_cls program on `lo` by a tcx link (6.6).
    TcxAttach,
    /// An XDP program on a veth in driver mode.
    XdpDriverAttach,
    /// An `fq` qdisc.
    FqQdisc,
    /// A neighbour with `NTF_EXT_MANAGED` (5.16).
    ManagedNeighbor,
    /// An XFRM state with an output mark and `rfc4106(gcm(aes))`.
    XfrmOutputMark,
    /// `IFLA_GSO_MAX_SIZE` beyond 65536 is accepted: IPv6 BIG TCP (5.19).
    BigTcpIpv6,
    /// `IFLA_GSO_IPV4_MAX_SIZE` beyond 65536 is accepted: IPv4 BIG TCP (6.3).
    BigTcpIpv4,
    /// A policy-routing rule (CONFIG_IP_MULTIPLE_TABLES).
    FibRule,
}

impl NetProbe {
    /// All, in the order they are told.
    pub const ALL: [Self; 15] = [
        Self::VethLink,
        Self::VxlanLink,
        Self::GeneveLink,
        Self::WireguardLink,
        Self::NetkitLink,
        Self::NetkitScrub,
        Self::ClsactQdisc,
        Self::TcxAttach,
        Self::XdpDriverAttach,
        Self::FqQdisc,
        Self::ManagedNeighbor,
        Self::XfrmOutputMark,
        Self::BigTcpIpv6,
        Self::BigTcpIpv4,
        Self::FibRule,
    ];
}
