//! Facts in, verdict out. Total and pure: no I/O, clock, log, environment, async, `kube`, `aya`.

pub mod datapath;
mod ebpf;
pub mod primitives;
pub mod reason;
pub mod release;
pub mod releases;
pub mod report;
pub mod requirement;
#[cfg(test)]
mod sample;

use std::collections::BTreeMap;

use crate::facts::Facts;
pub use report::NodeReport;
use report::{CiliumVerdict, Release, Ternary, Verdict};

/// What the one who asks wants to know.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The Cilium release in question; `None`: the newest known.
    pub target: Option<Release>,
}

/// Judges one look at a host.
pub fn judge(facts: Facts, policy: &Policy) -> NodeReport {
    let verdict = Verdict {
        ebpf: ebpf::ebpf(&facts),
        datapath: datapath::datapath(),
        service_proxy: datapath::service_proxy(),
        cilium: cilium(&facts, policy),
        findings: Vec::new(),
    };
    NodeReport::new(facts, verdict)
}

fn cilium(facts: &Facts, policy: &Policy) -> CiliumVerdict {
    let target = policy.target.unwrap_or(releases::NEWEST);
    let ended = releases::ask(facts);
    let releases = releases::verdicts(&ended);
    let blockers = releases
        .iter()
        .filter(|(_, verdict)| **verdict != Ternary::Yes)
        .map(|(release, _)| (*release, releases::blockers(&ended, *release)))
        .collect();
    CiliumVerdict {
        target,
        capable: releases::verdict(&ended, target),
        // Whether it runs is asked of the node's processes and sockets: a later version.
        ready: Ternary::Unknown,
        releases,
        blockers,
        features: BTreeMap::new(),
        values: Vec::new(),
        values_not_judged: Vec::new(),
    }
}
