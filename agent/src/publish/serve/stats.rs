//! What clients did.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// Counts of one server. The paths and codes are ours, so there are few.
#[derive(Debug, Default)]
pub struct Stats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    answered: BTreeMap<(&'static str, u16), u64>,
    refused: BTreeMap<&'static str, u64>,
    connections: usize,
}

impl Stats {
    pub(super) fn answered(&self, path: &'static str, code: u16) {
        *self.lock().answered.entry((path, code)).or_default() += 1;
    }

    pub(super) fn refused(&self, reason: &'static str) {
        *self.lock().refused.entry(reason).or_default() += 1;
    }

    pub(super) fn connections(&self, open: usize) {
        self.lock().connections = open;
    }

    /// All of it as samples.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn sample(&self, samples: &mut Samples) {
        let inner = self.lock();
        for ((path, code), count) in &inner.answered {
            samples.put(agent::HTTP_REQUESTS, &[path, &code.to_string()], *count as f64);
        }
        samples.put(agent::HTTP_CONNECTIONS, &[], inner.connections as f64);
        for (reason, count) in &inner.refused {
            samples.put(agent::HTTP_REFUSED, &[reason], *count as f64);
        }
    }

    /// A thread that broke while it counted leaves counts that are still true.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
