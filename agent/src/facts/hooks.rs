//! Where BPF programs are attached in the path of packets and sockets.
//!
//! Programs are told by their kernel ids; [`super::inventory`] holds their names, types and tags.
//! A program that is attached and not in the inventory was loaded after it was made, or the
//! inventory is unknown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Failure, Observed};

/// Attached programs of the network namespace that was looked at, and of the host's cgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookFacts {
    /// Filters of `clsact` and `ingress`, by link, direction, priority. No capability is needed.
    pub filters: Observed<Vec<Filter>>,
    /// XDP programs, by link. No capability is needed.
    pub xdp: Observed<Vec<Xdp>>,
    /// Programs on the tcx hooks of links (Linux 6.6), by link, direction, order. Needs
    /// CAP_NET_ADMIN; `Known` and empty on a kernel without tcx.
    pub tcx: Observed<Vec<Attached>>,
    /// Programs on netkit links (Linux 6.7), likewise.
    pub netkit: Observed<Vec<Attached>>,
    /// Programs on cgroups at which a cgroup2 file system is mounted, by mount point. `Known` and
    /// empty: none is mounted.
    pub cgroups: Observed<BTreeMap<String, Observed<CgroupHooks>>>,
}

impl HookFacts {
    /// Nothing could be told.
    pub fn unknown(failure: &Failure) -> Self {
        Self {
            filters: Observed::Unknown(failure.clone()),
            xdp: Observed::Unknown(failure.clone()),
            tcx: Observed::Unknown(failure.clone()),
            netkit: Observed::Unknown(failure.clone()),
            cgroups: Observed::Unknown(failure.clone()),
        }
    }
}

/// A packet's direction as the link sees it: what a pod sends comes in at the host's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The link receives.
    Ingress,
    /// The link sends.
    Egress,
}

/// One filter of tc(8) at `clsact` or `ingress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Index of the link.
    pub link: u32,
    /// Which way; the filter's parent is 0xffff_fff2 or 0xffff_fff3.
    pub direction: Direction,
    /// Chain of filters; packets begin at 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chain: u32,
    /// Priority; the least comes first.
    pub priority: u16,
    /// Handle.
    pub handle: u32,
    /// `bpf`, `flower`, `matchall`, …
    pub kind: String,
    /// Of a `bpf` filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpf: Option<BpfFilter>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a `bpf` filter says of its program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BpfFilter {
    /// Kernel id of the program; `None`: classic BPF.
    pub program_id: Option<u32>,
    /// Its label (`TCA_BPF_NAME`): whatever the one who attached it wrote, up to 255 characters.
    /// A claim, not a proof.
    pub label: Option<String>,
    /// Hash of the program's instructions, in hexadecimal.
    pub tag: Option<String>,
    /// Whether the program's own answer decides (`direct-action`).
    pub direct_action: bool,
}

/// One program on a link's XDP hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xdp {
    /// Index of the link.
    pub link: u32,
    /// Who runs it.
    pub mode: XdpMode,
    /// Kernel id of the program.
    pub program_id: u32,
}

/// `XDP_ATTACHED_*` of `include/uapi/linux/if_link.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum XdpMode {
    /// The driver, before a packet has a socket buffer.
    Driver,
    /// The kernel's core, after.
    Generic,
    /// The device.
    Offload,
}

/// One program on a hook that runs several in order (tcx, netkit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Index of the link.
    pub link: u32,
    /// On tcx, which way. On netkit, `egress` is the primary end (`BPF_NETKIT_PRIMARY`: what the
    /// host sends to the pod) and `ingress` the peer (`BPF_NETKIT_PEER`: what the pod sends).
    pub direction: Direction,
    /// Kernel id of the program.
    pub program_id: u32,
    /// Kernel id of the BPF link that holds it; `None`: attached without one, so that it stays
    /// when the one who attached it is gone.
    pub bpf_link_id: Option<u32>,
}

/// Programs on one cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupHooks {
    /// Id of the cgroup at the mount point, its inode number. 1 is the root of all; another one is
    /// what a cgroup namespace shows in its place, and then the host's root was not looked at.
    pub cgroup_id: u64,
    /// Programs by attach type, in order. Every attach type that was asked for is there; `Known`
    /// and empty: none, or the kernel has no such attach type. Needs CAP_NET_ADMIN.
    pub programs: BTreeMap<CgroupHook, Observed<Vec<u32>>>,
}

/// Attach types of cgroups that datapaths use; the names are the kernel's, the serialised ones
/// bpftool's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupHook {
    /// `BPF_CGROUP_INET_INGRESS`.
    CgroupInetIngress,
    /// `BPF_CGROUP_INET_EGRESS`.
    CgroupInetEgress,
    /// `BPF_CGROUP_INET_SOCK_CREATE`.
    CgroupInetSockCreate,
    /// `BPF_CGROUP_SOCK_OPS`.
    CgroupSockOps,
    /// `BPF_CGROUP_DEVICE`.
    CgroupDevice,
    /// `BPF_CGROUP_INET4_BIND`.
    CgroupInet4Bind,
    /// `BPF_CGROUP_INET6_BIND`.
    CgroupInet6Bind,
    /// `BPF_CGROUP_INET4_CONNECT`.
    CgroupInet4Connect,
    /// `BPF_CGROUP_INET6_CONNECT`.
    CgroupInet6Connect,
    /// `BPF_CGROUP_INET4_POST_BIND`.
    CgroupInet4PostBind,
    /// `BPF_CGROUP_INET6_POST_BIND`.
    CgroupInet6PostBind,
    /// `BPF_CGROUP_UDP4_SENDMSG`.
    CgroupUdp4Sendmsg,
    /// `BPF_CGROUP_UDP6_SENDMSG`.
    CgroupUdp6Sendmsg,
    /// `BPF_CGROUP_SYSCTL`.
    CgroupSysctl,
    /// `BPF_CGROUP_UDP4_RECVMSG`.
    CgroupUdp4Recvmsg,
    /// `BPF_CGROUP_UDP6_RECVMSG`.
    CgroupUdp6Recvmsg,
    /// `BPF_CGROUP_GETSOCKOPT`.
    CgroupGetsockopt,
    /// `BPF_CGROUP_SETSOCKOPT`.
    CgroupSetsockopt,
    /// `BPF_CGROUP_INET4_GETPEERNAME`.
    CgroupInet4Getpeername,
    /// `BPF_CGROUP_INET6_GETPEERNAME`.
    CgroupInet6Getpeername,
    /// `BPF_CGROUP_INET4_GETSOCKNAME`.
    CgroupInet4Getsockname,
    /// `BPF_CGROUP_INET6_GETSOCKNAME`.
    CgroupInet6Getsockname,
    /// `BPF_CGROUP_INET_SOCK_RELEASE`.
    CgroupInetSockRelease,
}

impl CgroupHook {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::CgroupInetIngress,
        Self::CgroupInetEgress,
        Self::CgroupInetSockCreate,
        Self::CgroupSockOps,
        Self::CgroupDevice,
        Self::CgroupInet4Bind,
        Self::CgroupInet6Bind,
        Self::CgroupInet4Connect,
        Self::CgroupInet6Connect,
        Self::CgroupInet4PostBind,
        Self::CgroupInet6PostBind,
        Self::CgroupUdp4Sendmsg,
        Self::CgroupUdp6Sendmsg,
        Self::CgroupSysctl,
        Self::CgroupUdp4Recvmsg,
        Self::CgroupUdp6Recvmsg,
        Self::CgroupGetsockopt,
        Self::CgroupSetsockopt,
        Self::CgroupInet4Getpeername,
        Self::CgroupInet6Getpeername,
        Self::CgroupInet4Getsockname,
        Self::CgroupInet6Getsockname,
        Self::CgroupInetSockRelease,
    ];

    /// Its number in `enum bpf_attach_type` of `include/uapi/linux/bpf.h`.
    pub fn number(self) -> u32 {
        match self {
            Self::CgroupInetIngress => 0,
            Self::CgroupInetEgress => 1,
            Self::CgroupInetSockCreate => 2,
            Self::CgroupSockOps => 3,
            Self::CgroupDevice => 6,
            Self::CgroupInet4Bind => 8,
            Self::CgroupInet6Bind => 9,
            Self::CgroupInet4Connect => 10,
            Self::CgroupInet6Connect => 11,
            Self::CgroupInet4PostBind => 12,
            Self::CgroupInet6PostBind => 13,
            Self::CgroupUdp4Sendmsg => 14,
            Self::CgroupUdp6Sendmsg => 15,
            Self::CgroupSysctl => 18,
            Self::CgroupUdp4Recvmsg => 19,
            Self::CgroupUdp6Recvmsg => 20,
            Self::CgroupGetsockopt => 21,
            Self::CgroupSetsockopt => 22,
            Self::CgroupInet4Getpeername => 29,
            Self::CgroupInet6Getpeername => 30,
            Self::CgroupInet4Getsockname => 31,
            Self::CgroupInet6Getsockname => 32,
            Self::CgroupInetSockRelease => 34,
        }
    }
}
