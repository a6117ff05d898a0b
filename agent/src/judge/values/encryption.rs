//! Encryption between nodes, and what it takes from other features.

use super::key::Key;
use super::{Asked, Setting, by_node, excluded, finding};
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Outcome, Release, Severity};

const STOPS: &str = "Cilium stops at start";

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    let values = asked.values;
    let mut found = Vec::new();
    found.extend(values.encryption("wireguard").map(|it| {
        let met = asked.has("wireguard");
        by_node(
            &it,
            met,
            Severity::Blocking,
            STOPS,
            "Load the module wireguard, or use Linux 5.6 or newer.",
        )
    }));
    if let Some(it) = values.encryption("ipsec") {
        let met = asked.has("ipsec");
        found.push(by_node(
            &it,
            met,
            Severity::Blocking,
            STOPS,
            "Install the modules that the evidence names.",
        ));
        found.extend(ipsec_takes(asked, &it));
    }
    found.extend(values.encryption("ztunnel").map(|it| ztunnel(asked, &it)));
    found
}

/// IPsec switches the bandwidth manager off, and does not work in chaining behind the VPC CNI.
fn ipsec_takes(asked: &Asked<'_>, ipsec: &Setting) -> Vec<Finding> {
    let bandwidth = asked.values.on(Key::BandwidthManager).map(|it| {
        let message = format!(
            "{} switches the bandwidth manager off, with a warning in the log",
            ipsec.told()
        );
        excluded(
            it,
            Severity::Degraded,
            Reason::SwitchedOffByCilium,
            message,
            "Use WireGuard, or set it to false.",
        )
    });
    let chained = asked.values.is(Key::ChainingMode, "aws-cni").map(|it| {
        let message = format!("IPsec does not work with {} (cilium#15596)", it.told());
        excluded(ipsec, Severity::Degraded, Reason::ValuesExclude, message, "Use WireGuard.")
    });
    bandwidth.into_iter().chain(chained).collect()
}

fn ztunnel(asked: &Asked<'_>, setting: &Setting) -> Finding {
    if asked.target < Release::one(19) {
        let message = format!("Cilium {} has no ztunnel; 1.19 does", asked.target);
        return excluded(
            setting,
            Severity::Degraded,
            Reason::NotInRelease,
            message,
            "Use wireguard.",
        );
    }
    let message = "what ztunnel asks of a node is not known";
    finding(setting, Outcome::Undetermined, Severity::Advisory, Reason::ValuesNotJudged, message)
}
