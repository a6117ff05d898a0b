//! The network of the host's namespace as rtnetlink(7) tells it: interfaces, addresses, neighbours,
//! routes, rules, queueing disciplines. No capability is needed to ask.
//!
//! What the kernel makes by itself for each interface is left out, so that a host with 10,000
//! interfaces stays a few megabytes; each field says what.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use super::prefix::Prefix;
pub use super::routes::{Mark, NextHop, Route, RouteKind, Routes, Rule, RuleAction};
use super::{Failure, Observed};

/// One look at the network of the namespace that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFacts {
    /// Which namespace was looked at.
    pub namespace: Observed<Namespace>,
    /// Interfaces, by index.
    pub links: Observed<Vec<Link>>,
    /// Addresses of the interfaces, IPv6 link-local ones left out.
    pub addresses: Observed<Vec<Address>>,
    /// Neighbour entries (ARP, NDP); those of multicast addresses and of links without neighbour
    /// discovery (`NUD_NOARP`), which the kernel makes by itself, are left out.
    pub neighbors: Observed<Vec<Neighbor>>,
    /// Forwarding entries of tunnels (`bridge fdb`) that name another node; others are left out.
    pub tunnel_peers: Observed<Vec<TunnelPeer>>,
    /// Routes of all tables; see [`Routes`] for what is left out.
    pub routes: Observed<Routes>,
    /// Rules of IPv4 and IPv6, by family, then priority.
    pub rules: Observed<Vec<Rule>>,
    /// Queueing disciplines, `noqueue` left out: it is what a virtual interface has by itself.
    pub qdiscs: Observed<Vec<Qdisc>>,
}

impl NetworkFacts {
    /// Nothing could be told.
    pub fn unknown(failure: &Failure) -> Self {
        Self {
            namespace: Observed::Unknown(failure.clone()),
            links: Observed::Unknown(failure.clone()),
            addresses: Observed::Unknown(failure.clone()),
            neighbors: Observed::Unknown(failure.clone()),
            tunnel_peers: Observed::Unknown(failure.clone()),
            routes: Observed::Unknown(failure.clone()),
            rules: Observed::Unknown(failure.clone()),
            qdiscs: Observed::Unknown(failure.clone()),
        }
    }
}

/// The network namespace that was looked at: that of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Inode number of `/proc/thread-self/ns/net`, as lsns(8) shows it.
    pub inode: u64,
    /// Whether it is the host's: that of process 1 of the root's `/proc`. Unknown where that link
    /// may not be read (it takes CAP_SYS_PTRACE in a pod) or process 1 is not the host's.
    pub is_host: Observed<bool>,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Alternative names (`IFLA_ALT_IFNAME`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternative_names: Vec<String>,
    /// `IFLA_INFO_KIND` (`veth`, `netkit`, `vxlan`, `openvswitch`, …); `None`: a device of a
    /// driver that names no kind, such as a physical one or the loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What the kind says of it, of the kinds that carry pods or tunnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<LinkData>,
    /// Index of the interface that it is a port of (`IFLA_MASTER`): bridge, bond, Open vSwitch,
    /// VRF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// What the master is (`IFLA_INFO_SLAVE_KIND`: `bridge`, `openvswitch`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_kind: Option<String>,
    /// Index of the other end of a pair or of the lower device (`IFLA_LINK`), in the namespace of
    /// [`Link::peer_namespace`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u32>,
    /// Number of the peer's namespace in this one (`IFLA_LINK_NETNSID`); `None`: the peer is in
    /// this namespace. -1: in one that has no number here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_namespace: Option<i32>,
    /// MTU in bytes.
    pub mtu_bytes: u32,
    /// `IFF_*` of netdevice(7).
    pub flags: u32,
    /// Whether packets can pass (`IFLA_OPERSTATE`, RFC 2863).
    pub state: OperationalState,
    /// Hardware address as the kernel writes it (`02:42:ac:…`); `None`: the kind has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// What an administrator wrote at it (`IFLA_IFALIAS`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

impl Link {
    /// Whether an administrator set it up (`IFF_UP`); not whether packets can pass.
    pub fn is_up(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether it is a loopback (`IFF_LOOPBACK`).
    pub fn is_loopback(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// `IF_OPER_*` of `include/uapi/linux/if.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationalState {
    /// The driver does not say; most virtual devices.
    Unknown,
    /// The device is gone.
    NotPresent,
    /// No packets.
    Down,
    /// A device below it is down.
    LowerLayerDown,
    /// In a test mode.
    Testing,
    /// Waits for something, as for 802.1X.
    Dormant,
    /// Packets pass.
    Up,
}

/// What a kind of interface says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkData {
    /// `vxlan`.
    Vxlan(Tunnel),
    /// `geneve`.
    Geneve(Tunnel),
    /// `netkit`.
    Netkit(Netkit),
    /// `vlan`: the 802.1Q id; the lower device is the peer.
    Vlan {
        /// VLAN id.
        id: u16,
    },
    /// `ipip`, `sit`, `ip6tnl`, `gre`, …
    Ip {
        /// Own end; `None`: any.
        local: Option<IpAddr>,
        /// Other end; `None`: any, given by each route.
        remote: Option<IpAddr>,
        /// Whether each packet brings its tunnel's parameters.
        collects_metadata: bool,
    },
}

/// Parameters of a VXLAN or Geneve device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// Virtual network id; with [`Tunnel::collects_metadata`] it is 0 and means nothing.
    pub id: Option<u32>,
    /// UDP port.
    pub port: Option<u16>,
    /// Whether each packet brings its tunnel's parameters (`external`), as Cilium and Open vSwitch
    /// make them.
    pub collects_metadata: bool,
    /// Own end.
    pub local: Option<IpAddr>,
    /// Other end or multicast group.
    pub remote: Option<IpAddr>,
    /// Whether it learns addresses from packets.
    pub learns: Option<bool>,
    /// Index of the device that the packets leave by.
    pub lower: Option<u32>,
}

/// Parameters of a netkit device (Linux 6.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netkit {
    /// Whether it works on frames or on packets.
    pub mode: NetkitMode,
    /// Whether it is the primary end, the host's; the other, the pod's, is the peer.
    pub is_primary: bool,
    /// What happens to a packet that no program decides over, at this end.
    pub policy: NetkitPolicy,
    /// Likewise at the other end.
    pub peer_policy: NetkitPolicy,
}

/// `enum netkit_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetkitMode {
    /// Frames.
    L2,
    /// Packets.
    L3,
}

/// `enum netkit_action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetkitPolicy {
    /// It goes to the other end (`NETKIT_PASS`).
    Forward,
    /// It is dropped (`NETKIT_DROP`).
    Blackhole,
    /// Another one, by number.
    Other(u32),
}

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Index of the interface.
    pub link: u32,
    /// The address with the length of its prefix.
    pub address: Prefix,
    /// `enum rt_scope_t`: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
}

/// One neighbour entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    /// Index of the interface.
    pub link: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address; `None`: not known yet.
    pub mac: Option<String>,
    /// `NUD_*` of `include/uapi/linux/neighbour.h`; 0x80 is permanent.
    pub state: u16,
    /// `NTF_*` of the same file; 0x10 is learned by somebody else than the kernel.
    pub flags: u8,
    /// Who made the entry (`RTPROT_*`); `None`: not told.
    pub protocol: Option<u8>,
}

/// One forwarding entry of a tunnel: where a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelPeer {
    /// Index of the tunnel's interface.
    pub link: u32,
    /// Hardware address behind it; zeros: all that is not known otherwise.
    pub mac: String,
    /// Address of the node.
    pub node: IpAddr,
}

/// One queueing discipline, see tc(8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qdisc {
    /// Index of the interface.
    pub link: u32,
    /// `fq`, `mq`, `clsact`, …
    pub kind: String,
    /// Its handle, `0x8001_0000` is `8001:`.
    pub handle: u32,
    /// Handle of its parent; 0xffff_ffff is the root, 0xffff_fff1 where `ingress` and `clsact` are.
    pub parent: u32,
}
