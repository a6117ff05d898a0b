//! BBR works inside the bandwidth manager: what takes the one takes the other.

use super::key::Key;
use super::{Asked, excluded};
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Severity, Ternary};

pub(super) fn findings(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.on(Key::Bbr)?;
    let remedy = "Set bandwidthManager.enabled=true, on a node that can have it.";
    if !asked.values.holds(Key::BandwidthManager, false) {
        let message =
            "BBR needs the bandwidth manager, which is off: nothing happens, without an error";
        return Some(excluded(
            setting,
            Severity::Degraded,
            Reason::SilentFallback,
            message,
            remedy,
        ));
    }
    let met = asked.has("bandwidth-manager");
    (met.holds == Ternary::No).then(|| {
        let message = "BBR needs the bandwidth manager, which Cilium switches off here";
        let it = excluded(setting, Severity::Degraded, Reason::BlockedByFeature, message, remedy);
        Finding { evidence: met.evidence, ..it }
    })
}
