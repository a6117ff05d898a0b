//! Packets beyond 64 KiB inside the node: the kernel must know them, and the uplink must take them.

use super::super::reason::Reason;
use super::super::report::Ternary;
use super::super::requirement::{Met, Requirement};
use super::load_balancing::KPR;
use super::uplinks::uplinks;
use super::{CiliumFeature, REQUIREMENTS_RST};
use crate::facts::netprobe::NetProbe;
use crate::facts::nic::Nic;
use crate::facts::{Facts, Observed};

/// Beyond this a packet is "big": `GSO_LEGACY_MAX_SIZE` of `include/linux/netdevice.h`.
const LEGACY_MAX_BYTES: u32 = 65_536;

const CAVEATS: &[&str] = &[
    "Needs BPF host routing, kube-proxy replacement and BPF masquerading; with tunnels or encryption only in releases that say so.",
    "Documented network drivers: mlx4, mlx5, ice.",
];

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "big-tcp-ipv6",
        "BIG TCP for IPv6",
        "5.19",
        Requirement::Ipv6,
        REQUIREMENTS_RST,
    )
    .also(ipv6)
    .requires(&["host-routing", KPR, "bpf-masquerading"])
    .caveats(CAVEATS),
    CiliumFeature::new(
        "big-tcp-ipv4",
        "BIG TCP for IPv4",
        "6.3",
        Requirement::All(&[]),
        REQUIREMENTS_RST,
    )
    .since(14)
    .also(ipv4)
    .requires(&["host-routing", KPR, "bpf-masquerading"])
    .caveats(CAVEATS),
];

fn ipv6(facts: &Facts) -> Met {
    let kernel = kernel(facts, NetProbe::BigTcpIpv6, "IFLA_GRO_MAX_SIZE", |it| it.gro_max_bytes);
    Met::all([kernel, devices(facts)])
}

fn ipv4(facts: &Facts) -> Met {
    let attribute = "IFLA_GSO_IPV4_MAX_SIZE";
    let kernel = kernel(facts, NetProbe::BigTcpIpv4, attribute, |it| it.gso_ipv4_max_bytes);
    Met::all([kernel, devices(facts)])
}

/// A kernel that knows big packets reports their limit for every interface; that takes no right,
/// unlike trying it in a namespace.
fn kernel(
    facts: &Facts,
    probe: NetProbe,
    attribute: &str,
    limit: impl Fn(&Nic) -> Option<u32>,
) -> Met {
    let tried = Requirement::Net(probe).met_by(facts);
    if tried.holds != Ternary::Unknown {
        return tried;
    }
    match &facts.nics {
        Observed::Known(nics) if nics.iter().any(|it| limit(it).is_some()) => {
            Met::yes(format!("the kernel reports {attribute}"))
        }
        Observed::Known(nics) if !nics.is_empty() => {
            Met::no(Reason::NotInKernel, format!("the kernel reports {attribute} for no interface"))
        }
        Observed::Known(_) | Observed::Unknown(_) => tried,
    }
}

/// Whether the uplinks take more than 64 KiB from the stack (`IFLA_TSO_MAX_SIZE`).
fn devices(facts: &Facts) -> Met {
    let nics = match &facts.nics {
        Observed::Known(nics) => nics,
        Observed::Unknown(failure) => {
            return Met::unknown(failure.cause.into(), format!("interfaces: {}", failure.detail));
        }
    };
    let uplinks: Vec<Met> = uplinks(nics).into_iter().map(device).collect();
    if uplinks.is_empty() {
        return Met::unknown(Reason::DeviceMissing, "no uplink found");
    }
    // One that takes big packets and one that does not: it depends on which carries the pods.
    match (Met::all(uplinks.clone()), Met::any(uplinks)) {
        (all, any) if all.holds == any.holds => all,
        (all, _) => Met { holds: Ternary::Unknown, ..all },
    }
}

fn device(nic: &Nic) -> Met {
    let name = &nic.name;
    match nic.tso_max_bytes {
        Some(bytes) if bytes > LEGACY_MAX_BYTES => Met::yes(format!("{name} takes {bytes} bytes")),
        Some(bytes) => {
            Met::no(Reason::DeviceGsoLimit, format!("{name} takes at most {bytes} bytes at once"))
        }
        None => Met::unknown(
            Reason::Inconclusive,
            format!("{name}: the kernel does not report how much the device takes"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample;

    /// mlx5 on a kernel that knows both: `IFLA_TSO_MAX_SIZE` 524280.
    fn big(mut nic: Nic) -> Nic {
        nic.tso_max_bytes = Some(524_280);
        nic
    }

    #[track_caller]
    fn expect(facts: &Facts, check: fn(&Facts) -> Met, want: (Ternary, Reason)) {
        let met = check(facts);
        assert_eq!((met.holds, met.reason), want, "{:?}", met.evidence);
    }

    #[test]
    fn ena_does_not_take_big_packets() {
        let facts = sample::kernel(6, 12);
        expect(&facts, ipv6, (Ternary::No, Reason::DeviceGsoLimit));
        expect(&facts, ipv4, (Ternary::No, Reason::DeviceGsoLimit));
    }

    #[test]
    fn mlx5_does() {
        let mut facts = sample::kernel(6, 12);
        facts.nics = Observed::Known(vec![big(sample::ena(1500, 1, 1))]);
        expect(&facts, ipv6, (Ternary::Yes, Reason::Supported));
        expect(&facts, ipv4, (Ternary::Yes, Reason::Supported));
    }

    #[test]
    fn linux_6_1_has_it_for_ipv6_only_also_without_a_namespace_to_try_it_in() {
        let mut facts = sample::kernel(6, 1);
        let mut nic = big(sample::ena(1500, 1, 1));
        (nic.gso_ipv4_max_bytes, nic.gro_ipv4_max_bytes) = (None, None);
        facts.nics = Observed::Known(vec![nic]);
        expect(&facts, ipv4, (Ternary::No, Reason::NotInKernel));
        facts.net_probes.clear();
        expect(&facts, ipv4, (Ternary::No, Reason::NotInKernel));
        expect(&facts, ipv6, (Ternary::Yes, Reason::Supported));
    }

    #[test]
    fn unreadable_interfaces_settle_nothing() {
        expect(&sample::unknown(), ipv6, (Ternary::Unknown, Reason::NotProbed));
    }
}
