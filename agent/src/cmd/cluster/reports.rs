//! What an agent's report becomes: the few words that a cluster's report needs.

use serde::Deserialize;

use crate::facts::{Cause, Failure};
use crate::judge::cluster::Measured;
use crate::judge::report::{NodeReport, Verdict};
use crate::judge::{Policy, judge};

/// A report without its facts, which are skipped while it is read.
#[derive(Deserialize)]
struct Told {
    verdict: Verdict,
}

/// Reduces one report. Given values ask something of the facts, so then they are judged anew.
pub(in crate::cmd) fn reduce(policy: &Policy, report: &[u8]) -> Result<Measured, Failure> {
    let wrong = |error: serde_json::Error| {
        Failure::new(Cause::Malformed, format!("not a NodeReport of this version: {error}"))
    };
    if policy.values.is_none() {
        let Told { verdict } = serde_json::from_slice(report).map_err(wrong)?;
        return Ok(Measured::of(&verdict));
    }
    let NodeReport { facts, .. } = serde_json::from_slice(report).map_err(wrong)?;
    Ok(Measured::of(&judge(facts, policy).verdict))
}
