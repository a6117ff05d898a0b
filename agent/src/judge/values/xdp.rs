//! `loadBalancer.acceleration`: native XDP on the devices that the values name, or on all uplinks.

use super::key::Key;
use super::{Asked, Setting, by_node, excluded};
use crate::facts::Observed;
use crate::facts::nic::Nic;
use crate::judge::features;
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Severity};
use crate::judge::requirement::{Met, Requirement};

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    let values = asked.values;
    let mut found = Vec::new();
    found.extend(values.is(Key::Acceleration, "native").map(|it| native(asked, it)));
    found.extend(values.is(Key::Acceleration, "best-effort").map(|it| best_effort(asked, it)));
    found.extend(ipv6_underlay(asked));
    found.extend(devices(asked));
    found
}

fn native(asked: &Asked<'_>, setting: &Setting) -> Finding {
    let remedy = "Change what the evidence names (ENA: MTU 3498 or less, half of the channels), or use best-effort.";
    by_node(
        setting,
        on_devices(asked),
        Severity::Blocking,
        "the attach fails and Cilium stops at start",
        remedy,
    )
}

fn best_effort(asked: &Asked<'_>, setting: &Setting) -> Finding {
    let otherwise =
        "devices without native XDP are left out with a warning, and nothing is accelerated there";
    let remedy = "Change what the evidence names (ENA: MTU 3498 or less, half of the channels).";
    by_node(setting, on_devices(asked), Severity::Degraded, otherwise, remedy)
}

/// All devices that the values name must do it; without names, the uplinks.
fn on_devices(asked: &Asked<'_>) -> Met {
    let program = Requirement::Program("xdp").met_by(asked.facts);
    let nics = named(asked);
    let devices = if nics.is_empty() {
        features::native_xdp(asked.facts)
    } else {
        Met::all(nics.into_iter().map(|it| features::native_xdp_on(it, asked.facts)))
    };
    Met::all([program, devices])
}

/// Interfaces that `devices` names; `eth+` means all that begin with `eth`.
fn named<'a>(asked: &Asked<'a>) -> Vec<&'a Nic> {
    let (Some(setting), Observed::Known(nics)) =
        (asked.values.settings.get(&Key::Devices), &asked.facts.nics)
    else {
        return Vec::new();
    };
    nics.iter().filter(|nic| patterns(setting).any(|it| fits(it, &nic.name))).collect()
}

fn patterns(setting: &Setting) -> impl Iterator<Item = &str> {
    setting.text.split([' ', ',']).filter(|it| !it.is_empty())
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('+').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

fn devices(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.settings.get(&Key::Devices)?;
    let met = match &asked.facts.nics {
        Observed::Unknown(failure) => Met::unknown(failure.cause.into(), failure.detail.clone()),
        Observed::Known(nics) => {
            let missing: Vec<&str> = patterns(setting)
                .filter(|it| !it.starts_with('!'))
                .filter(|it| !nics.iter().any(|nic| fits(it, &nic.name)))
                .collect();
            if missing.is_empty() {
                Met::yes("every named device is here")
            } else {
                Met::no(Reason::DeviceMissing, format!("not on this node: {}", missing.join(", ")))
            }
        }
    };
    Some(by_node(
        setting,
        met,
        Severity::Degraded,
        "a named device is not on this node",
        "Name devices that every node has, such as eth+ or ens+.",
    ))
}

fn ipv6_underlay(asked: &Asked<'_>) -> Option<Finding> {
    let setting =
        asked.values.settings.get(&Key::Acceleration).filter(|it| it.text != "disabled")?;
    let underlay = asked.values.is(Key::Underlay, "ipv6")?;
    let message = format!("XDP acceleration excludes {}; Cilium stops at start", underlay.told());
    Some(excluded(
        setting,
        Severity::Blocking,
        Reason::ValuesExclude,
        message,
        "Use an IPv4 underlay, or acceleration=disabled.",
    ))
}
