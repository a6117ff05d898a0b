//! What an agent's report becomes: the few words that a cluster's report needs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Most characters of what is wrong with a report: the reader's words repeat what it found, which may
/// be megabytes.
const MOST_WORDS: usize = 200;

/// Reduces reports. Most nodes of a cluster say the same, and what they say is kept for as long as
/// they live: it is there once.
#[derive(Debug, Default)]
pub(in crate::cmd) struct Reducer {
    policy: Policy,
    known: Mutex<HashSet<Arc<Measured>>>,
}

impl Reducer {
    pub(in crate::cmd) fn new(policy: Policy) -> Self {
        Self { policy, known: Mutex::default() }
    }

    /// Reduces one report.
    pub(in crate::cmd) fn reduce(&self, report: &[u8]) -> Result<Arc<Measured>, Failure> {
        let measured = reduce(&self.policy, report)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&measured) {
            return Ok(Arc::clone(known));
        }
        let measured = Arc::new(measured);
        known.insert(Arc::clone(&measured));
        Ok(measured)
    }
}

/// Given values ask something of the facts, so then they are judged anew.
fn reduce(policy: &Policy, report: &[u8]) -> Result<Measured, Failure> {
    let wrong = |error: serde_json::Error| {
        let error: String = error.to_string().chars().take(MOST_WORDS).collect();
        Failure::new(Cause::Malformed, format!("not a NodeReport of this version: {error}"))
    };
    if policy.values.is_none() {
        let Told { verdict } = serde_json::from_slice(report).map_err(wrong)?;
        return Ok(Measured::of(&verdict));
    }
    let NodeReport { facts, .. } = serde_json::from_slice(report).map_err(wrong)?;
    Ok(Measured::of(&judge(facts, policy).verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect_refused(report: &str) {
        let failure = reduce(&Policy::default(), report.as_bytes()).unwrap_err();
        assert_eq!(failure.cause, Cause::Malformed);
        assert!(failure.detail.len() < 1000, "{} bytes", failure.detail.len());
    }

    /// What a node that somebody took over may say instead of a report.
    #[test]
    fn a_hostile_report_is_refused_in_few_words_and_with_little_stack() {
        expect_refused("<html>");
        expect_refused(&"[".repeat(1_000_000));
        let deep = format!("{{\"facts\": {}", "{\"a\":".repeat(1_000_000));
        expect_refused(&deep);
        let long = "x".repeat(1_000_000);
        expect_refused(&format!("{{\"verdict\": {{\"ebpf\": {{\"status\": \"{long}\"}}}}}}"));
    }
}
