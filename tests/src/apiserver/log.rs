//! What was asked of the server: each request, and how many of which kind.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Requests that are remembered one by one; all are counted.
const REMEMBERED: usize = 50_000;

/// One request, when its answer began.
#[derive(Debug, Clone)]
pub struct Record {
    /// When it came.
    pub at: Instant,
    /// As in RBAC: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// Plural; with its group: `leases.coordination.k8s.io`. The path for what is no resource.
    pub resource: String,
    /// Empty: none.
    pub subresource: String,
    /// Empty: none.
    pub namespace: String,
    /// Empty: none.
    pub name: String,
    /// The query as it was sent.
    pub query: String,
    /// `Content-Type` of the request: which patch it was.
    pub content_type: String,
    /// `Accept` of the request.
    pub accept: String,
    /// `User-Agent` of the request.
    pub agent: String,
    /// Of the request.
    pub body_bytes: usize,
    /// Of the answer; 0: the connection was cut without one.
    pub code: u16,
}

/// Verb, resource, subresource and code of a request.
pub type Counted = (&'static str, String, String, u16);

/// All requests since the start.
#[derive(Debug, Default)]
pub struct Log(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    records: VecDeque<Record>,
    counts: BTreeMap<Counted, u64>,
}

impl Log {
    pub(super) fn add(&self, record: Record) {
        let Record { verb, resource, subresource, code, .. } = &record;
        let counted = (*verb, resource.clone(), subresource.clone(), *code);
        let mut inner = self.inner();
        *inner.counts.entry(counted).or_default() += 1;
        inner.records.push_back(record);
        if inner.records.len() > REMEMBERED {
            inner.records.pop_front();
        }
    }

    /// The last requests, oldest first: fifty thousand at most.
    pub fn records(&self) -> Vec<Record> {
        self.inner().records.iter().cloned().collect()
    }

    /// How many there were of each kind.
    pub fn counts(&self) -> BTreeMap<Counted, u64> {
        self.inner().counts.clone()
    }

    /// Requests that changed something, or tried to.
    pub fn writes(&self) -> u64 {
        let is_write = |verb: &str| {
            matches!(verb, "create" | "update" | "patch" | "delete" | "deletecollection")
        };
        let counts = self.counts();
        counts.iter().filter(|(counted, _)| is_write(counted.0)).map(|(_, count)| count).sum()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.inner() = Inner::default();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
