//! Facts in, verdict out. Total and pure: no I/O, clock, log, environment, async, `kube`, `aya`.

pub mod report;

use crate::facts::Facts;
pub use report::NodeReport;

/// What the one who asks wants to know.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The Cilium release in question; `None`: the one that runs here, else the newest known.
    pub target: Option<report::Release>,
}

/// Judges one look at a host.
pub fn judge(facts: Facts, policy: &Policy) -> NodeReport {
    let _ = (facts, policy);
    unreachable!("the judge is being written")
}
