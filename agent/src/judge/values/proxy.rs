//! The L7 proxy beside other values.

use super::key::Key;
use super::{Asked, excluded};
use crate::judge::primitives;
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Severity, Ternary};

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    chained(asked).into_iter().chain(socket_match(asked)).collect()
}

fn chained(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.on(Key::L7Proxy)?;
    let chaining = asked.values.is(Key::ChainingMode, "aws-cni")?;
    let message = format!("{}: policies for L7 do not work (cilium#12454)", chaining.told());
    Some(excluded(
        setting,
        Severity::Degraded,
        Reason::ValuesExclude,
        message,
        "Use Cilium without chaining for L7 policies.",
    ))
}

/// Without xt_socket Cilium turns early demultiplexing off where it may, and stops where not
/// (`pkg/datapath/iptables`). The proxy is on unless a value turns it off.
fn socket_match(asked: &Asked<'_>) -> Option<Finding> {
    let values = asked.values;
    if !values.holds(Key::L7Proxy, true) || values.on(Key::Tproxy).is_some() {
        return None;
    }
    let met = primitives::XT_SOCKET.met_by(asked.facts);
    let setting = values
        .on(Key::L7Proxy)
        .or(values.settings.get(&Key::XtSocketFallback))
        .or(values.settings.get(&Key::RoutingMode))?;
    if met.holds != Ternary::No {
        return None;
    }
    let native = values.is(Key::RoutingMode, "native").or(values.is(Key::Tunnel, "disabled"));
    let may = values.holds(Key::XtSocketFallback, true) && native.is_some();
    let it = if may {
        let message = "xt_socket is missing: Cilium turns net.ipv4.ip_early_demux off instead, without an error";
        excluded(
            setting,
            Severity::Degraded,
            Reason::SilentFallback,
            message,
            "Install the module xt_socket.",
        )
    } else {
        let message = "xt_socket is missing, and tunnelling or enableXTSocketFallback=false leaves no fallback: Cilium stops at start";
        excluded(
            setting,
            Severity::Blocking,
            Reason::ModuleAbsent,
            message,
            "Install the module xt_socket, or use l7Proxy=false.",
        )
    };
    Some(Finding { evidence: met.evidence, ..it })
}
