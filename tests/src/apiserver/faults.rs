//! Faults: what goes wrong on the way to the API server, on purpose.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::log::Record;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After` in seconds, as API priority and fairness answers.
    TooManyRequests {
        /// Seconds.
        retry_after: u32,
    },
    /// Any refusal: 500, 503, 504, 409, 403…
    Status(u16),
    /// 401, as for a token that has expired.
    Unauthorized,
    /// 410 `Expired`: as a whole answer, and for a watch as its first event.
    Gone,
    /// The connection is cut (RST) before the request is carried out.
    Reset,
    /// The request is carried out, and the connection cut before the answer.
    ResetAfter,
    /// The answer comes later.
    Slow(Duration),
    /// A watch ends after this time without a word, as proxies do.
    EndWatch(Duration),
}

/// Which requests a fault meets; an empty field meets all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// As in RBAC.
    pub verb: &'static str,
    /// Plural, with its group.
    pub resource: &'static str,
    /// Without this one, a request to the object itself or to any subresource.
    pub subresource: Option<&'static str>,
    /// Of the object.
    pub name: String,
}

impl Match {
    /// Every request.
    pub fn all() -> Self {
        Self::default()
    }

    /// Requests of one verb to one resource.
    pub fn verb(verb: &'static str, resource: &'static str) -> Self {
        Self { verb, resource, ..Self::default() }
    }

    pub(super) fn meets(&self, record: &Record) -> bool {
        let Self { verb, resource, subresource, name } = self;
        (verb.is_empty() || *verb == record.verb)
            && (resource.is_empty() || *resource == record.resource)
            && subresource.is_none_or(|it| it == record.subresource)
            && (name.is_empty() || *name == record.name)
    }
}

/// The faults that are waiting for their requests.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    which: Match,
    fault: Fault,
    /// Requests that it still meets.
    left: usize,
}

impl Faults {
    /// The next `times` requests that match meet `fault`.
    pub fn inject(&self, which: Match, fault: Fault, times: usize) {
        self.armed().push(Armed { which, fault, left: times });
    }

    /// No fault is left.
    pub fn clear(&self) {
        self.armed().clear();
    }

    /// Faults that no request has met yet: 0 when all have happened.
    pub fn left(&self) -> usize {
        self.armed().iter().map(|it| it.left).sum()
    }

    /// The fault that this request meets; the one that was injected first.
    pub(super) fn meet(&self, record: &Record) -> Option<Fault> {
        let mut armed = self.armed();
        let at = armed.iter().position(|it| it.which.meets(record))?;
        let met = &mut armed[at];
        met.left = met.left.saturating_sub(1);
        let fault = met.fault.clone();
        if met.left == 0 {
            armed.remove(at);
        }
        Some(fault)
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
