//! "Look again": rung by many, heard by one.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whoever rings it twice before it is heard rings it once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<Option<Rung>>,
    heard: Condvar,
}

/// Who rang, and since when it rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) by: BTreeSet<&'static str>,
    pub(super) since: Instant,
}

impl Bell {
    /// Never waits.
    pub(super) fn ring(&self, by: &'static str) {
        self.ring_since(by, Instant::now());
    }

    /// For something that happened earlier.
    pub(super) fn ring_since(&self, by: &'static str, since: Instant) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let rung = rung.get_or_insert_with(|| Rung { by: BTreeSet::new(), since });
        rung.by.insert(by);
        rung.since = rung.since.min(since);
        self.heard.notify_one();
    }

    /// Waits for the bell, at most so long; `None`: nobody rang.
    pub(super) fn wait(&self, most: Duration) -> Option<Rung> {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(rung, most, |it| it.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rang_before_it_was_heard_is_heard_at_once_and_together() {
        let bell = Bell::default();
        assert_eq!(bell.wait(Duration::ZERO), None);
        let before = Instant::now();
        bell.ring("pods");
        bell.ring_since("links", before);
        bell.ring("pods");
        let rung = bell.wait(Duration::from_secs(60)).unwrap();
        assert_eq!(rung, Rung { by: ["links", "pods"].into(), since: before });
        assert_eq!(bell.wait(Duration::ZERO), None);
    }

    #[test]
    fn a_bell_wakes_who_waits() {
        let bell = std::sync::Arc::new(Bell::default());
        let waits = std::sync::Arc::clone(&bell);
        let thread = std::thread::spawn(move || waits.wait(Duration::from_secs(60)));
        bell.ring("links");
        assert!(thread.join().unwrap().is_some());
    }
}
