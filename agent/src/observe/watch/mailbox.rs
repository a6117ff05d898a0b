//! What lies between the watcher's thread and those who ask it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Changed, Source, Trigger};
use crate::facts::Failure;

/// Holds what moved until somebody takes it; changes that nobody took become one.
pub(super) struct Mailbox {
    kept: Mutex<Kept>,
    /// Looks that are going on.
    looks: AtomicUsize,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct Kept {
    changed: Option<Changed>,
    blind: BTreeMap<Source, Failure>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mailbox").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl Mailbox {
    pub(super) fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { kept: Mutex::default(), looks: AtomicUsize::new(0), wake }
    }

    /// Puts a change in and wakes.
    pub(super) fn put(&self, by: BTreeSet<Trigger>, since: Instant) {
        let mut kept = self.kept();
        match &mut kept.changed {
            Some(changed) => changed.by.extend(by),
            None => kept.changed = Some(Changed { by, since }),
        }
        drop(kept);
        (self.wake)();
    }

    pub(super) fn take(&self) -> Option<Changed> {
        self.kept().changed.take()
    }

    pub(super) fn blind(&self) -> BTreeMap<Source, Failure> {
        self.kept().blind.clone()
    }

    /// `None`: this source sees (again).
    pub(super) fn set_blind(&self, source: Source, failure: Option<&Failure>) {
        let mut kept = self.kept();
        match failure {
            Some(failure) => kept.blind.insert(source, failure.clone()),
            None => kept.blind.remove(&source),
        };
    }

    pub(super) fn begin_look(&self) {
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn end_look(&self) {
        self.looks.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn is_looking(&self) -> bool {
        self.looks.load(Ordering::SeqCst) > 0
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No code under this lock panics; if it did, the worst is an entry that is lost.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
