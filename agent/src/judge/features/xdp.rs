//! Load balancing before the network stack: native XDP, which is a matter of the interface.

mod drivers;

use super::super::reason::Reason;
use super::super::requirement::Met;
use super::super::requirement::Requirement::{All, Helper, Program};
use super::load_balancing::KPR;
use super::uplinks::uplinks;
use super::{CiliumFeature, KUBEPROXY_FREE, PROBES_GO};
use crate::facts::kernel::Uname;
use crate::facts::nic::Nic;
use crate::facts::{Facts, Observed};
use crate::judge::report::Ternary;

pub(super) const FEATURES: &[CiliumFeature] = &[
    CiliumFeature::new(
        "xdp-acceleration",
        "XDP acceleration",
        "by network driver",
        Program("xdp"),
        KUBEPROXY_FREE,
    )
    .also(native)
    .requires(&[KPR])
    .caveats(&[
        "With acceleration=native a device that refuses stops Cilium; with best-effort it is left out.",
        "Excludes an IPv6 underlay.",
    ]),
    CiliumFeature::new(
        "xdp-frags",
        "XDP on packets of several buffers",
        "5.18",
        All(&[
            Helper("xdp", "xdp_get_buff_len"),
            Helper("xdp", "xdp_load_bytes"),
            Helper("xdp", "xdp_store_bytes"),
        ]),
        PROBES_GO,
    ),
];

/// Largest MTU of native XDP on ENA in bytes: `ENA_XDP_MAX_MTU` of
/// `drivers/net/ethernet/amazon/ena/ena_xdp.h` with pages of 4 KiB.
const ENA_MAX_MTU_BYTES: u32 = 3498;
/// Oldest ENA driver that Cilium documents (`kubeproxy-free.rst`).
const ENA_MIN_DRIVER: [u32; 3] = [2, 2, 8];

/// Whether the uplinks run XDP programs in their driver. Cilium attaches to every uplink it
/// chooses, so one answer for all of them is an answer, and a mixed one is open.
pub(super) fn native(facts: &Facts) -> Met {
    let nics = match &facts.nics {
        Observed::Known(nics) => nics,
        Observed::Unknown(failure) => {
            return Met::unknown(failure.cause.into(), format!("interfaces: {}", failure.detail));
        }
    };
    let uplinks: Vec<Met> = uplinks(nics).into_iter().map(|it| device(it, facts)).collect();
    if uplinks.is_empty() {
        return Met::unknown(Reason::DeviceMissing, "no uplink found");
    }
    match (Met::all(uplinks.clone()), Met::any(uplinks)) {
        (all, any) if all.holds == any.holds => all,
        (all, _) => Met { holds: Ternary::Unknown, ..all },
    }
}

/// One interface: what the driver says of itself, else what is known of the driver; then what
/// that driver asks beyond it.
pub(super) fn device(nic: &Nic, facts: &Facts) -> Met {
    let offered = offered(nic, facts);
    match &nic.driver {
        Observed::Known(Some(driver)) if driver == "ena" => {
            Met::all([offered, ena_mtu(nic), ena_channels(nic), ena_version(nic)])
        }
        Observed::Known(_) => offered,
        // It may be ENA's, which asks for more than it says.
        Observed::Unknown(failure) => {
            let why = format!("{}: {}", nic.name, failure.detail);
            Met::all([offered, Met::unknown(failure.cause.into(), why)])
        }
    }
}

fn offered(nic: &Nic, facts: &Facts) -> Met {
    let name = &nic.name;
    match &nic.xdp_features {
        Observed::Known(Some(features)) if features.contains("basic") => {
            Met::yes(format!("{name}: the driver reports native XDP"))
        }
        Observed::Known(Some(_)) => {
            Met::no(Reason::NoNativeXdpDriver, format!("{name}: the driver reports no native XDP"))
        }
        // Before Linux 6.3 drivers say nothing.
        Observed::Known(None) | Observed::Unknown(_) => by_driver(nic, facts),
    }
}

/// By the list of drivers. The version of the kernel may only say yes: an older kernel can carry
/// a newer driver.
fn by_driver(nic: &Nic, facts: &Facts) -> Met {
    let name = &nic.name;
    let driver = match &nic.driver {
        Observed::Known(Some(driver)) => driver,
        Observed::Known(None) => {
            return Met::unknown(Reason::Inconclusive, format!("{name}: no driver behind it"));
        }
        Observed::Unknown(failure) => {
            return Met::unknown(failure.cause.into(), format!("{name}: {}", failure.detail));
        }
    };
    let Some((major, minor)) = drivers::first_kernel(driver) else {
        let words = format!("{name}: {driver} is not in Cilium's list of native XDP drivers");
        return Met::unknown(Reason::NoNativeXdpDriver, words);
    };
    let words = format!("{name}: {driver} has native XDP since Linux {major}.{minor}");
    match facts.kernel.uname.known().and_then(Uname::major_minor) {
        Some(running) if running >= (major, minor) => Met::yes(words),
        Some(_) | None => Met::unknown(Reason::Inconclusive, words),
    }
}

fn ena_mtu(nic: &Nic) -> Met {
    let (name, mtu) = (&nic.name, nic.mtu_bytes);
    if mtu <= ENA_MAX_MTU_BYTES {
        return Met::yes(format!("{name}: MTU {mtu}"));
    }
    let words = format!("{name}: MTU {mtu}, native XDP on ENA takes at most {ENA_MAX_MTU_BYTES}");
    Met::no(Reason::XdpMtuTooLarge, words)
}

/// `ena_xdp_legal_queue_count`: XDP needs a second set of queues, so at most half may be in use.
fn ena_channels(nic: &Nic) -> Met {
    let name = &nic.name;
    let channels = match &nic.channels {
        Observed::Known(Some(channels)) => channels,
        Observed::Known(None) => {
            return Met::unknown(Reason::Inconclusive, format!("{name}: channels not reported"));
        }
        Observed::Unknown(failure) => {
            return Met::unknown(failure.cause.into(), format!("{name}: {}", failure.detail));
        }
    };
    let (used, most) = (channels.combined, channels.combined_max);
    let words = format!("{name}: {used} of {most} combined channels in use");
    if used <= most / 2 {
        return Met::yes(words);
    }
    Met::no(Reason::XdpTooManyChannels, format!("{words}, native XDP on ENA takes at most half"))
}

/// Since Linux 5.7 drivers of the tree report the kernel's own release, which is newer.
fn ena_version(nic: &Nic) -> Met {
    let name = &nic.name;
    let version = match &nic.driver_version {
        Observed::Known(Some(version)) => version,
        Observed::Known(None) => return Met { evidence: Vec::new(), ..Met::yes("") },
        Observed::Unknown(failure) => {
            return Met::unknown(failure.cause.into(), format!("{name}: {}", failure.detail));
        }
    };
    let numbers: Vec<u32> = version
        .split(|it: char| !it.is_ascii_digit())
        .take(3)
        .map_while(|it| it.parse().ok())
        .collect();
    if numbers.len() == 3 && numbers.as_slice() < ENA_MIN_DRIVER.as_slice() {
        let words = format!("{name}: ENA driver {version}, Cilium asks for 2.2.8");
        return Met::no(Reason::XdpDriverTooOld, words);
    }
    Met::yes(format!("{name}: ENA driver {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample;

    #[track_caller]
    fn expect(facts: &Facts, want: (Ternary, Reason)) {
        let met = native(facts);
        assert_eq!((met.holds, met.reason), want, "{:?}", met.evidence);
    }

    fn with(nics: Vec<Nic>) -> Facts {
        let mut facts = sample::kernel(6, 12);
        facts.nics = Observed::Known(nics);
        facts
    }

    #[test]
    fn ena_as_ec2_delivers_it_is_refused_for_its_mtu() {
        expect(&with(vec![sample::ena(9001, 2, 4)]), (Ternary::No, Reason::XdpMtuTooLarge));
    }

    #[test]
    fn ena_with_more_than_half_of_its_channels_is_refused() {
        expect(&with(vec![sample::ena(3498, 3, 4)]), (Ternary::No, Reason::XdpTooManyChannels));
        expect(&with(vec![sample::ena(3499, 2, 4)]), (Ternary::No, Reason::XdpMtuTooLarge));
        expect(&with(vec![sample::ena(3498, 2, 4)]), (Ternary::Yes, Reason::Supported));
    }

    #[test]
    fn an_old_ena_driver_is_refused() {
        let mut nic = sample::ena(1500, 1, 4);
        nic.driver_version = Observed::Known(Some("2.2.7g".into()));
        expect(&with(vec![nic.clone()]), (Ternary::No, Reason::XdpDriverTooOld));
        nic.driver_version = Observed::Known(Some("2.2.8g".into()));
        expect(&with(vec![nic.clone()]), (Ternary::Yes, Reason::Supported));
        nic.driver_version = Observed::Known(Some("6.12.94".into()));
        expect(&with(vec![nic]), (Ternary::Yes, Reason::Supported));
    }

    #[test]
    fn before_6_3_the_list_of_drivers_speaks() {
        let mut nic = sample::ena(1500, 1, 4);
        nic.xdp_features = Observed::Known(None);
        let mut facts = sample::kernel(5, 10);
        facts.nics = Observed::Known(vec![nic.clone()]);
        expect(&facts, (Ternary::Yes, Reason::Supported));
        nic.driver = Observed::Known(Some("e1000".into()));
        facts.nics = Observed::Known(vec![nic.clone()]);
        expect(&facts, (Ternary::Unknown, Reason::NoNativeXdpDriver));
        // igc has it since 5.13; a back-port may be here.
        nic.driver = Observed::Known(Some("igc".into()));
        facts.nics = Observed::Known(vec![nic]);
        expect(&facts, (Ternary::Unknown, Reason::Inconclusive));
    }

    #[test]
    fn uplinks_that_differ_leave_it_open() {
        let mut other = sample::ena(1500, 1, 4);
        other.name = "ens6".into();
        expect(
            &with(vec![sample::ena(9001, 1, 4), other]),
            (Ternary::Unknown, Reason::XdpMtuTooLarge),
        );
    }

    #[test]
    fn interfaces_that_could_not_be_read_settle_nothing() {
        let facts = sample::unknown();
        expect(&facts, (Ternary::Unknown, Reason::PermissionDenied));
        expect(&with(Vec::new()), (Ternary::Unknown, Reason::DeviceMissing));
    }
}
