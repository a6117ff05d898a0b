//! The lists of loaded programs and links, asked for now and then.
//!
//! The kernel tells nobody of a tcx, netkit or cgroup attachment; see [`Standing`].

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Trigger;
use crate::facts::Failure;
use crate::observe::inventory::Standing;
use crate::observe::{Host, btf, privilege};

/// A question may take this part of the time at most: 0.04 % of a processor.
const REST: u32 = 2_500;

/// How soon a list that differs is read again: what loads and unloads a program at once (a probe,
/// ours or another's) is no change.
const AGAIN: Duration = Duration::from_millis(60);

/// After so many states in a row that all differ it is a change.
const MOST_DOUBTS: u32 = 4;

/// The lists as they were.
pub(super) struct Programs {
    standing: Standing,
    seen: u64,
    /// Another state that was seen, and how many others in a row.
    doubt: Option<(u64, u32)>,
    next: Instant,
    every: Duration,
}

impl Programs {
    pub(super) fn open(host: &Host, every: Duration) -> Result<Self, Failure> {
        let standing = Standing::start(&privilege::privilege(host), &btf::load(host))?;
        let seen = standing.digest()?;
        Ok(Self { standing, seen, doubt: None, next: Instant::now() + every, every })
    }

    /// When to ask next.
    pub(super) fn due(&self) -> Instant {
        self.next
    }

    /// Not now: this process is loading programs itself.
    pub(super) fn wait(&mut self, now: Instant) {
        self.doubt = None;
        self.next = now + AGAIN;
    }

    /// Asks.
    pub(super) fn ask(&mut self, triggers: &mut BTreeSet<Trigger>) -> Result<(), Failure> {
        let start = Instant::now();
        let digest = self.standing.digest()?;
        let cost = start.elapsed();
        // One question that was interrupted must not silence the next ones.
        let rest = (cost * REST).min(Duration::from_secs(1));
        self.next = Instant::now() + self.settle(digest, triggers).max(rest);
        Ok(())
    }

    /// What this state means, and how long to wait before the next question.
    fn settle(&mut self, digest: u64, triggers: &mut BTreeSet<Trigger>) -> Duration {
        if digest == self.seen {
            self.doubt = None;
            return self.every;
        }
        let times = match self.doubt {
            // Lists that differ each time are a change too.
            Some((_, times)) if times >= MOST_DOUBTS => times,
            Some((before, _)) if before == digest => MOST_DOUBTS,
            Some((_, times)) => times + 1,
            None => 1,
        };
        if times < MOST_DOUBTS {
            self.doubt = Some((digest, times));
            return AGAIN;
        }
        self.seen = digest;
        self.doubt = None;
        triggers.insert(Trigger::Programs);
        self.every
    }
}
