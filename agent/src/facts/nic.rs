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
    pub xdp_features: Observed<Option<XdpFeatures>>,
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

/// What a driver can do with XDP: the bits of `NETDEV_A_DEV_XDP_FEATURES`, written as a list of the
/// kernel's names. A host with 10,000 interfaces has five names of each of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeSet<String>", try_from = "BTreeSet<String>")]
pub struct XdpFeatures(pub u64);

impl XdpFeatures {
    /// `xdp-act` of `Documentation/netlink/specs/netdev.yaml`, from bit 0 on.
    const NAMES: [&str; 7] =
        ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg"];

    /// Whether the feature of this name is among them.
    pub fn contains(self, name: &str) -> bool {
        (0..u64::BITS).any(|bit| self.has(bit) && Self::name(bit) == name)
    }

    fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// The kernel's name of a bit; one newer than this list is `bit-N`.
    fn name(bit: u32) -> String {
        let known = Self::NAMES.get(bit as usize);
        known.map_or_else(|| format!("bit-{bit}"), ToString::to_string)
    }
}

impl From<XdpFeatures> for BTreeSet<String> {
    fn from(features: XdpFeatures) -> Self {
        (0..u64::BITS).filter(|bit| features.has(*bit)).map(XdpFeatures::name).collect()
    }
}

impl TryFrom<BTreeSet<String>> for XdpFeatures {
    type Error = String;

    fn try_from(names: BTreeSet<String>) -> Result<Self, String> {
        names.iter().try_fold(Self(0), |Self(bits), name| {
            let bit = (0..u64::BITS).find(|bit| Self::name(*bit) == *name);
            let bit = bit.ok_or_else(|| format!("{name} is no feature of XDP"))?;
            Ok(Self(bits | 1 << bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_read_as_the_kernel_names_them_and_a_newer_bit_is_kept() {
        // 0x2b is what virtio_net on Linux 6.18 reports.
        let want = r#"["basic","redirect","rx-sg","xsk-zerocopy"]"#;
        assert_eq!(serde_json::to_string(&XdpFeatures(0x2b)).unwrap(), want);
        assert_eq!(serde_json::to_string(&XdpFeatures(1 << 7)).unwrap(), r#"["bit-7"]"#);
        assert_eq!(serde_json::to_string(&XdpFeatures(0)).unwrap(), "[]");
        for bits in [0, 0x2b, 1 << 7, 1 << 63] {
            let text = serde_json::to_string(&XdpFeatures(bits)).unwrap();
            assert_eq!(serde_json::from_str::<XdpFeatures>(&text).unwrap(), XdpFeatures(bits));
        }
        assert!(serde_json::from_str::<XdpFeatures>(r#"["magic"]"#).is_err());
    }

    #[test]
    fn a_feature_is_asked_for_by_its_name() {
        assert!(XdpFeatures(0x2b).contains("rx-sg") && !XdpFeatures(0x2b).contains("ndo-xmit"));
    }
}
