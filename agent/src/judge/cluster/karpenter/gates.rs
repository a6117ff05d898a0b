//! NodeClaims that do not become `Initialized`. Karpenter has no deadline for it: a taint that nobody
//! removes is a paid, empty node until it expires.

use serde::{Deserialize, Serialize};

use super::{Check, claims_of, rules};
use crate::facts::cluster::Text;
use crate::facts::cluster::condition::Condition;
use crate::facts::cluster::karpenter::NodeClaim;
use crate::judge::cluster::findings::Scene;

/// A NodeClaim that waits for longer than a start takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StuckGate {
    /// Its name.
    pub node_claim: Text,
    /// The node that came of it; empty: none yet.
    pub node: Text,
    /// Reason of its condition `Initialized`: `StartupTaintsExist`, `NodeNotReady`, …
    pub reason: Text,
    /// Message of that condition; it names the taint.
    pub message: Text,
    /// How long it has waited since it was registered, or made.
    pub waiting_seconds: i64,
}

/// The claims of a pool that wait for longer than the policy's patience.
pub(super) fn stuck(scene: &Scene<'_>, pool: &Text) -> Vec<StuckGate> {
    let now = i64::try_from(scene.cluster.taken_at_seconds).unwrap_or(i64::MAX);
    let patience = i64::from(scene.policy.gate_patience_seconds);
    claims_of(scene.cluster, pool)
        .filter_map(|it| waits(it, now))
        .filter(|it| it.waiting_seconds >= patience)
        .collect()
}

fn waits(claim: &NodeClaim, now: i64) -> Option<StuckGate> {
    let initialized = claim.condition("Initialized");
    if initialized.is_some_and(Condition::is_true) || claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let registered = claim.condition("Registered").filter(|it| it.is_true());
    let since =
        registered.and_then(|it| it.last_transition_time).or(claim.metadata.creation_timestamp)?;
    Some(StuckGate {
        node_claim: claim.metadata.name.clone(),
        node: claim.status.node_name.clone(),
        reason: initialized.map(|it| it.reason.clone()).unwrap_or_default(),
        message: initialized.map(|it| it.message.clone()).unwrap_or_default(),
        waiting_seconds: now - since.0,
    })
}

/// Minutes, then hours, then days: as coarse as a wait is long.
fn span(seconds: i64) -> String {
    match seconds / 60 {
        minutes @ ..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

pub(super) fn check(gates: &[StuckGate]) -> Option<Check> {
    let first = gates.first()?;
    let StuckGate { node_claim, reason, message, waiting_seconds, .. } = first;
    let why = if message.is_empty() { reason } else { message };
    Some(rules::GATE_STUCK.check(
        format!(
            "{} not initialized: {node_claim} for {} ({why})",
            crate::judge::cluster::findings::count(gates.len(), "NodeClaim"),
            span(*waiting_seconds)
        ),
        "Look at who removes that taint; the node is paid for and takes no pods.",
    ))
}
