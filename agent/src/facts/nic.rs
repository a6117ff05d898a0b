//! Network interfaces, as far as Cilium's acceleration depends on them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Observed;

/// One network interface of the host's network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Interface name.
    pub name: String,
    /// Interface index.
    pub ifindex: u32,
    /// rtnetlink `IFLA_INFO_KIND` (`veth`, `vxlan`, …); `None`: a physical or plain device.
    pub kind: Option<String>,
    /// Whether it is up and not loopback.
    pub up: bool,
    /// Driver, by the symlink `/sys/class/net/NAME/device/driver`; `Known(None)`: no device behind.
    pub driver: Observed<Option<String>>,
    /// Version of the driver by ETHTOOL_GDRVINFO; `Known(None)`: the driver names none, as drivers
    /// of the kernel's own tree do (the kernel's release, which ethtool(8) then shows, is left out).
    pub driver_version: Observed<Option<String>>,
    /// MTU in bytes.
    pub mtu_bytes: u32,
    /// Channel counts by ETHTOOL_GCHANNELS; `Known(None)`: the driver has no such call.
    pub channels: Observed<Option<Channels>>,
    /// XDP features by the netdev generic netlink family (Linux 6.3), in the kernel's words
    /// (`basic`, `redirect`, `ndo-xmit`, `xsk-zerocopy`, `hw-offload`, `rx-sg`, `ndo-xmit-sg`).
    /// `Known(None)`: this kernel has no such family.
    pub xdp_features: Observed<Option<BTreeSet<String>>>,
    /// `IFLA_GSO_MAX_SIZE` in bytes; `None`: the kernel does not report it.
    pub gso_max_bytes: Option<u32>,
    /// `IFLA_GRO_MAX_SIZE` in bytes (Linux 5.19); `None`: the kernel does not report it.
    pub gro_max_bytes: Option<u32>,
    /// `IFLA_TSO_MAX_SIZE` in bytes (Linux 5.18); `None`: the kernel does not report it.
    pub tso_max_bytes: Option<u32>,
    /// `IFLA_GSO_IPV4_MAX_SIZE` in bytes (Linux 6.3); `None`: the kernel does not report it.
    pub gso_ipv4_max_bytes: Option<u32>,
    /// `IFLA_GRO_IPV4_MAX_SIZE` in bytes (Linux 6.3); `None`: the kernel does not report it.
    pub gro_ipv4_max_bytes: Option<u32>,
}

/// Channel counts, see ethtool(8) `--show-channels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// Most combined channels that the device has.
    pub combined_max: u32,
    /// Combined channels in use.
    pub combined: u32,
    /// Most receive channels.
    pub rx_max: u32,
    /// Receive channels in use.
    pub rx: u32,
    /// Most transmit channels.
    pub tx_max: u32,
    /// Transmit channels in use.
    pub tx: u32,
}
