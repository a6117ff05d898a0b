//! Values that a release does not have, and values that meet the node's own set-up.

use super::key::Key;
use super::{Asked, by_node, excluded};
use crate::facts::Observed;
use crate::facts::mounts::BPF_FS_MAGIC;
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Outcome, Release, Severity};
use crate::judge::requirement::Met;
use crate::judge::rules;

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    [port_ranges(asked), bpffs(asked), tunnel(asked), default_tunnel(asked), eni(asked)]
        .into_iter()
        .flatten()
        .collect()
}

/// Where Cilium may not reserve the NodePorts, an overlap stops it.
fn port_ranges(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.is(Key::AutoProtectPortRange, "false")?;
    let answer = rules::port_ranges(asked.facts, asked.target);
    let met = match answer.outcome {
        Outcome::Fail => Met { evidence: answer.evidence, ..Met::no(answer.reason, "") },
        Outcome::Undetermined => Met::unknown(answer.reason, answer.message),
        Outcome::Pass | Outcome::NotApplicable => Met::yes(answer.message),
    };
    let otherwise = "NodePorts and ephemeral ports overlap, and Cilium stops at start";
    Some(by_node(
        setting,
        met,
        Severity::Blocking,
        otherwise,
        "Set it to true, or reserve the NodePorts in net.ipv4.ip_local_reserved_ports.",
    ))
}

/// Without the chart's own mount, the host must have one.
fn bpffs(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.is(Key::BpfAutoMount, "false")?;
    let met = match &asked.facts.mounts.sys_fs_bpf_magic {
        Observed::Known(Some(BPF_FS_MAGIC)) => Met::yes("bpffs is mounted at /sys/fs/bpf"),
        Observed::Known(_) => Met::no(Reason::BpffsNotMounted, "bpffs is not at /sys/fs/bpf"),
        Observed::Unknown(failure) => Met::unknown(failure.cause.into(), failure.detail.clone()),
    };
    let otherwise = "nobody mounts bpffs on the host, and pins are lost when the pod restarts";
    Some(by_node(
        setting,
        met,
        Severity::Degraded,
        otherwise,
        "mount -t bpf bpf /sys/fs/bpf at boot.",
    ))
}

/// `tunnel` became `routingMode` and `tunnelProtocol` with 1.14.
fn tunnel(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.settings.get(&Key::Tunnel)?;
    (asked.target > Release::one(14)).then(|| {
        let message = format!("Cilium {} has no value {}", asked.target, setting.name);
        excluded(
            setting,
            Severity::Degraded,
            Reason::NotInRelease,
            message,
            "Use routingMode and tunnelProtocol.",
        )
    })
}

/// A tunnel of no named protocol is VXLAN.
fn default_tunnel(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.is(Key::RoutingMode, "tunnel")?;
    if asked.values.settings.contains_key(&Key::TunnelProtocol) {
        return None;
    }
    let met = asked.has("tunnel-vxlan");
    Some(by_node(
        setting,
        met,
        Severity::Blocking,
        "Cilium stops at start",
        "Load the module vxlan.",
    ))
}

/// Native acceleration on secondary interfaces of EC2 crashed agents (cilium#25453).
fn eni(asked: &Asked<'_>) -> Option<Finding> {
    let values = asked.values;
    let eni = values.is(Key::Ipam, "eni").or(values.on(Key::EniEnabled))?;
    let setting = values.is(Key::Acceleration, "native")?;
    let message = format!(
        "with {} Cilium attaches to secondary interfaces too, and one that refuses stops it",
        eni.told()
    );
    Some(excluded(
        setting,
        Severity::Advisory,
        Reason::AgentStops,
        message,
        "Use loadBalancer.acceleration=best-effort.",
    ))
}
