//! Counts of what was sent to the API server, and how it stands with the Node.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::promise::Promise;
use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// Counts and states, shared by those who write and those who tell.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: BTreeMap<(&'static str, &'static str), u64>,
    events_dropped: u64,
    standing: Option<Standing>,
}

/// How it stands with the Node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// `yes`, `no` (the API server has no such Node) or `unknown` (nothing was heard yet).
    pub node: &'static str,
    /// Whether the startup taint is there; `None`: the Node was not seen.
    pub is_tainted: Option<bool>,
    /// Labels that another writer holds.
    pub held: Vec<String>,
    /// The promised datapath, and whether that holds.
    pub promise: Option<(String, Promise)>,
}

impl Tally {
    /// One request and how it ended.
    pub(super) fn request(&self, request: &'static str, result: &'static str) {
        *self.lock().requests.entry((request, result)).or_default() += 1;
    }

    /// One Event that was not sent.
    pub(super) fn event_dropped(&self) {
        self.lock().events_dropped += 1;
    }

    pub(super) fn stands(&self, standing: Standing) {
        self.lock().standing = Some(standing);
    }

    /// The latest standing; `None`: there is no API server, or nothing was looked at yet.
    pub fn standing(&self) -> Option<Standing> {
        self.lock().standing.clone()
    }

    /// Requests that ended so.
    pub fn requests(&self, request: &str, result: &str) -> u64 {
        let is_asked = |key: &(&str, &str)| *key == (request, result);
        self.lock().requests.iter().filter(|(key, _)| is_asked(key)).map(|(_, it)| it).sum()
    }

    /// All of it as samples.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn sample(&self, samples: &mut Samples) {
        let inner = self.lock();
        for ((request, result), count) in &inner.requests {
            samples.put(agent::API_REQUESTS, &[request, result], *count as f64);
        }
        samples.put(agent::EVENTS_DROPPED, &[], inner.events_dropped as f64);
        let Some(Standing { node, is_tainted, held, promise }) = &inner.standing else { return };
        states(samples, agent::NODE_SEEN, &["yes", "no", "unknown"], node);
        let taint = match is_tainted {
            Some(true) => "present",
            Some(false) => "absent",
            None => "unknown",
        };
        states(samples, agent::STARTUP_TAINT, &["present", "absent", "unknown"], taint);
        for label in held {
            samples.put(agent::LABEL_HELD, &[label], 1.0);
        }
        if let Some((expected, stands)) = promise {
            for (member, word) in Promise::WORDS {
                let value = if member == *stands { 1.0 } else { 0.0 };
                samples.put(agent::PROMISE, &[expected, word], value);
            }
        }
    }

    /// A thread that broke while it counted leaves counts that are still true.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn states(
    samples: &mut Samples,
    metric: crate::publish::names::Metric,
    words: &[&str],
    holds: &str,
) {
    for word in words {
        let value = if *word == holds { 1.0 } else { 0.0 };
        samples.put(metric, &[word], value);
    }
}
