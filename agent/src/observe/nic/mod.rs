//! Network interfaces: driver, MTU, channels, XDP features, GSO and GRO limits.

mod driver;
mod ethtool;
pub mod links;
pub mod xdp_features;

use std::collections::BTreeMap;
use std::time::Duration;

use super::Host;
use super::deadline::{self, within};
use crate::facts::nic::{Nic, XdpFeatures};
use crate::facts::{Cause, Observed};
use ethtool::Ethtool;
use links::Link;

/// Longest wait for each of the three questions.
const LIMIT: Duration = deadline::seconds(2);

/// Looks at every interface of the network namespace that this process is in, by index.
///
/// None of it needs a capability. In a pod it must be the host's namespace (`hostNetwork`);
/// where the root's sysfs shows another one, the driver is unknown.
pub fn nics(host: &Host) -> Observed<Vec<Nic>> {
    let links = match host.ask_observed("links", || within(LIMIT, "links", links::links)) {
        Observed::Known(links) => links,
        Observed::Unknown(failure) => return Observed::Unknown(failure),
    };
    let names: Vec<String> = links.iter().map(|it| it.name.clone()).collect();
    let ethtool =
        host.ask_observed("ethtool", || within(LIMIT, "ethtool", move || ethtool::ethtool(names)));
    let features = host
        .ask_observed("xdp_features", || within(LIMIT, "xdp_features", xdp_features::xdp_features));
    Observed::Known(links.into_iter().map(|it| nic(host, it, &ethtool, &features)).collect())
}

fn nic(
    host: &Host,
    link: Link,
    ethtool: &Observed<BTreeMap<String, Ethtool>>,
    features: &Observed<Option<xdp_features::Bits>>,
) -> Nic {
    let asked = ethtool.as_ref().and_then(|it| {
        it.get(&link.name).map_or_else(|| gone(&link.name), |it| Observed::Known(it.clone()))
    });
    let xdp_features = features.as_ref().and_then(|it| match it {
        None => Observed::Known(None),
        Some(it) => it
            .get(&link.ifindex)
            .map_or_else(|| gone(&link.name), |bits| Observed::Known(Some(XdpFeatures(*bits)))),
    });
    Nic {
        driver: driver::driver(host, &link),
        driver_version: asked.clone().and_then(|it| it.version),
        channels: asked.and_then(|it| it.channels),
        xdp_features,
        name: link.name,
        ifindex: link.ifindex,
        kind: link.kind,
        up: link.up,
        mtu_bytes: link.mtu_bytes,
        gso_max_bytes: link.gso_max_bytes,
        gro_max_bytes: link.gro_max_bytes,
        tso_max_bytes: link.tso_max_bytes,
        gso_ipv4_max_bytes: link.gso_ipv4_max_bytes,
        gro_ipv4_max_bytes: link.gro_ipv4_max_bytes,
    }
}

/// An interface that one list has and the next has not: it came or went in between.
fn gone<T>(name: &str) -> Observed<T> {
    Observed::unknown(Cause::Busy, format!("{name} changed during the look"))
}

#[cfg(test)]
mod tests {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
    use serde_json::Value;

    use super::super::net_probe::namespace::tests::{inside, ip};
    use super::*;

    fn look() -> Vec<Nic> {
        nics(&Host::live().unwrap()).known().unwrap().clone()
    }

    /// Compares what we say of the interfaces of this namespace with `ip -details link`.
    fn compare_with_iproute2() {
        let Value::Array(want) = serde_json::from_str(&ip("-d -j link")).unwrap() else { panic!() };
        let nics = look();
        assert_eq!(nics.len(), want.len());
        for (nic, want) in nics.iter().zip(&want) {
            let size = |name: &str| want[name].as_u64().map(|it| u32::try_from(it).unwrap());
            let flags: Vec<&str> =
                want["flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(Some(nic.name.as_str()), want["ifname"].as_str());
            assert_eq!(u64::from(nic.ifindex), want["ifindex"]);
            assert_eq!(nic.kind.as_deref(), want["linkinfo"]["info_kind"].as_str());
            assert_eq!(nic.up, flags.contains(&"UP") && !flags.contains(&"LOOPBACK"));
            assert_eq!(Some(nic.mtu_bytes), size("mtu"));
            assert_eq!(nic.gso_max_bytes, size("gso_max_size"));
            assert_eq!(nic.gro_max_bytes, size("gro_max_size"));
            // iproute2 6.1 does not know the IPv4 sizes, so it settles nothing about them.
            if want.get("tso_max_size").is_some() {
                assert_eq!(nic.tso_max_bytes, size("tso_max_size"));
            }
        }
    }

    #[test]
    fn the_interfaces_of_this_machine_read_as_iproute2_reads_them() {
        compare_with_iproute2();
    }

    #[test]
    fn made_interfaces_read_as_iproute2_reads_them() {
        inside(|| {
            ip("link add name left mtu 3498 gso_max_size 40000 type veth peer name right");
            ip("link add name tunnel type vxlan external");
            ip("link set left up");
            compare_with_iproute2();
            let nics = look();
            let left = nics.iter().find(|it| it.name == "left").unwrap();
            assert_eq!((left.kind.as_deref(), left.mtu_bytes, left.up), (Some("veth"), 3498, true));
            assert_eq!(left.gso_max_bytes, Some(40000));
        });
    }

    /// veth runs XDP programs since Linux 4.19 (`drivers/net/veth.c`), the loopback never; `None`
    /// where the kernel has no family to ask (before 6.3).
    #[test]
    fn xdp_features_are_the_drivers() {
        inside(|| {
            ip("link add name left type veth peer name right");
            let nics = look();
            let features = |name: &str| {
                let nic = nics.iter().find(|it| it.name == name).unwrap();
                *nic.xdp_features.known().unwrap()
            };
            let Some(veth) = features("left") else { return };
            assert!(veth.contains("basic") && veth.contains("redirect"), "{veth:?}");
            assert_eq!(features("lo"), Some(XdpFeatures(0)));
        });
    }

    #[test]
    fn channels_of_a_veth_are_its_queues_and_a_loopback_has_none() {
        inside(|| {
            ip("link add name left numtxqueues 4 numrxqueues 3 type veth peer name right");
            let nics = look();
            let channels = |name: &str| {
                let nic = nics.iter().find(|it| it.name == name).unwrap();
                *nic.channels.known().unwrap()
            };
            // `veth_get_channels()`: the most are the queues that it was made with.
            let veth = channels("left").unwrap();
            assert_eq!((veth.tx_max, veth.rx_max, veth.combined_max), (4, 3, 0));
            assert_eq!(channels("lo"), None);
        });
    }

    #[test]
    fn the_driver_named_by_sysfs_is_the_one_behind_the_device() {
        for nic in look() {
            let path = format!("/sys/class/net/{}/device/driver", nic.name);
            let want = std::fs::canonicalize(path).ok();
            let want = want.map(|it| it.file_name().unwrap().to_string_lossy().into_owned());
            assert_eq!(nic.driver, Observed::Known(want), "{}", nic.name);
        }
    }

    #[test]
    fn no_capability_is_needed() {
        let without = std::thread::spawn(|| {
            let none = CapabilitySet::empty();
            let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
            set_capabilities(None, sets).unwrap();
            look()
        });
        let nics = without.join().unwrap();
        assert!(!nics.is_empty());
        for Nic { name, driver, driver_version, channels, xdp_features, .. } in nics {
            assert_eq!(driver.failure(), None, "{name}");
            assert_eq!(driver_version.failure(), None, "{name}");
            assert_eq!(channels.failure(), None, "{name}");
            assert_eq!(xdp_features.failure(), None, "{name}");
        }
    }
}
