//! BPF host routing, which is never asked for by name: it is on unless something turns it off,
//! and Cilium does not stop when something does. BBR, netkit and BIG TCP need it.

use super::key::Key;
use super::{Asked, Setting, excluded, finding};
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Outcome, Severity, Ternary};

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    let legacy = legacy(asked);
    let mut found = Vec::new();
    found.extend(fallback(asked, &legacy));
    found.extend(needed(asked, &legacy));
    found.extend(netkit_with_tproxy(asked));
    found.extend(big_tcp(asked));
    found
}

/// Why routing would be legacy here; empty: it would be BPF.
fn legacy(asked: &Asked<'_>) -> Vec<String> {
    let values = asked.values;
    let mut why = Vec::new();
    if let Some(setting) = values.on(Key::HostLegacyRouting) {
        why.push(setting.told());
    }
    if values.kube_proxy_replacement().is_none() {
        why.push("kube-proxy replacement is off (the default)".into());
    }
    if let Some(setting) = values.encryption("ipsec") {
        why.push(format!("{} (IPsec)", setting.told()));
    }
    if values.holds(Key::Ipv4Masquerade, true) && !values.holds(Key::BpfMasquerade, false) {
        why.push("masquerading is by iptables (bpf.masquerade is not true)".into());
    }
    if let Some(setting) = values.chaining() {
        why.push(format!(
            "{}: the chart sets legacy routing with every chaining mode",
            setting.told()
        ));
    }
    let kernel = asked.has("host-routing");
    if kernel.holds == Ternary::No {
        why.extend(kernel.evidence);
    }
    why
}

/// Said where host routing was asked for by name.
fn fallback(asked: &Asked<'_>, legacy: &[String]) -> Option<Finding> {
    let setting = asked.values.is(Key::HostLegacyRouting, "false")?;
    if legacy.is_empty() {
        let message = "BPF host routing is used";
        return Some(finding(
            setting,
            Outcome::Pass,
            Severity::Degraded,
            Reason::Satisfied,
            message,
        ));
    }
    let message = "host routing falls back to legacy, without an error";
    let remedy =
        "Set kubeProxyReplacement=true and bpf.masquerade=true, without IPsec and chaining.";
    let it = excluded(setting, Severity::Degraded, Reason::SilentFallback, message, remedy);
    Some(Finding { evidence: legacy.to_vec(), ..it })
}

/// What needs host routing where routing would be legacy.
fn needed(asked: &Asked<'_>, legacy: &[String]) -> Vec<Finding> {
    if legacy.is_empty() {
        return Vec::new();
    }
    let values = asked.values;
    let netkit = ["netkit", "netkit-l2"].iter().find_map(|it| values.is(Key::DatapathMode, it));
    [values.on(Key::Bbr), netkit, values.on(Key::BigTcpIpv4), values.on(Key::BigTcpIpv6)]
        .into_iter()
        .flatten()
        .map(|setting| blocked(setting, legacy))
        .collect()
}

fn blocked(setting: &Setting, legacy: &[String]) -> Finding {
    let message = format!(
        "{} needs BPF host routing, and routing would be legacy; Cilium stops at start",
        setting.name
    );
    let remedy = "Set kubeProxyReplacement=true and bpf.masquerade=true, without IPsec and chaining; or this value to false.";
    let it = excluded(setting, Severity::Blocking, Reason::ValuesExclude, message, remedy);
    Finding { evidence: legacy.to_vec(), ..it }
}

fn netkit_with_tproxy(asked: &Asked<'_>) -> Option<Finding> {
    let values = asked.values;
    let netkit =
        ["netkit", "netkit-l2", "auto"].iter().find_map(|it| values.is(Key::DatapathMode, it))?;
    let tproxy = values.on(Key::Tproxy)?;
    let message = format!("netkit excludes {}", tproxy.told());
    let severity = if netkit.text == "auto" { Severity::Degraded } else { Severity::Blocking };
    Some(excluded(
        netkit,
        severity,
        Reason::ValuesExclude,
        message,
        "Set bpf.tproxy=false, or use veth.",
    ))
}

/// Tunnels and encryption exclude BIG TCP in releases without `HaveBIGTCPTunnel`; the newest may
/// allow tunnels on kernels that do.
fn big_tcp(asked: &Asked<'_>) -> Vec<Finding> {
    let values = asked.values;
    let native = values.is(Key::RoutingMode, "native").or(values.is(Key::Tunnel, "disabled"));
    let encrypted = ["ipsec", "wireguard"].iter().find_map(|it| values.encryption(it));
    let why = match (native, encrypted) {
        (None, _) => "routing is by tunnel (the default)".to_owned(),
        (Some(_), Some(setting)) => format!("{} encrypts", setting.told()),
        (Some(_), None) => return Vec::new(),
    };
    [values.on(Key::BigTcpIpv4), values.on(Key::BigTcpIpv6)]
        .into_iter()
        .flatten()
        .map(|setting| {
            let message = format!(
                "BIG TCP is not for this: {why}; releases without support for it stop at start"
            );
            let remedy = "Use routingMode=native without encryption, or set it to false.";
            excluded(setting, Severity::Degraded, Reason::ValuesExclude, message, remedy)
        })
        .collect()
}
