//! The lists of loaded programs and links, asked for now and then.
//!
//! The kernel tells nobody of a tcx, netkit or cgroup attachment; see [`Standing`]. On a node with
//! thousands of programs their list is asked for less often than the much shorter one of links.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::Trigger;
use crate::facts::Failure;
use crate::observe::inventory::{Layout, List, Standing};
use crate::observe::{Host, btf, privilege};

/// Each list may take this part of a processor at most: 0.02 %.
const REST: u32 = 5_000;

/// How soon a list that differs is read again: what loads and unloads a program at once (a probe,
/// ours or another's) is no change.
const AGAIN: Duration = Duration::from_millis(60);

/// After so many states in a row that all differ it is a change.
const MOST_DOUBTS: u32 = 8;

/// The lists as they were.
pub(super) struct Programs {
    standing: Standing,
    lists: [Paced; 2],
    every: Duration,
}

/// One list and when it is asked for next.
struct Paced {
    list: List,
    seen: u64,
    /// Another state that was seen, and how many others in a row.
    doubt: Option<(u64, u32)>,
    next: Instant,
    /// What the last questions took, the last one first.
    costs: [Duration; 4],
}

impl Programs {
    pub(super) fn open(host: &Host, every: Duration) -> Result<Self, Failure> {
        let layout = Layout::of(&btf::load(host));
        let standing = Standing::start(&privilege::privilege(host), &layout)?;
        let next = Instant::now() + every;
        let paced = |list| -> Result<Paced, Failure> {
            let seen = standing.digest(list)?;
            Ok(Paced { list, seen, doubt: None, next, costs: [Duration::ZERO; 4] })
        };
        let lists = [paced(List::Links)?, paced(List::Programs)?];
        Ok(Self { standing, lists, every })
    }

    /// When to ask next.
    pub(super) fn due(&self) -> Instant {
        let [links, programs] = &self.lists;
        links.next.min(programs.next)
    }

    /// Not now: this process is loading programs itself.
    pub(super) fn wait(&mut self, now: Instant) {
        for list in &mut self.lists {
            list.doubt = None;
            list.next = list.next.max(now + AGAIN);
        }
    }

    /// Asks for the lists that are due.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        triggers: &mut BTreeSet<Trigger>,
    ) -> Result<(), Failure> {
        for list in self.lists.iter_mut().filter(|it| it.next <= now) {
            let start = processor_time();
            let digest = self.standing.digest(list.list)?;
            list.costs.rotate_right(1);
            list.costs[0] = processor_time().saturating_sub(start);
            let pause = list.settle(digest, self.every, triggers);
            list.next = Instant::now() + pause.max(list.cost() * REST);
        }
        Ok(())
    }
}

/// What this thread has used: on a busy machine the wall clock would count others' work.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

impl Paced {
    /// The least of the last questions: one that was interrupted says nothing of the next.
    fn cost(&self) -> Duration {
        self.costs.into_iter().min().unwrap_or_default()
    }

    /// What this state means, and how long to wait before the next question.
    fn settle(
        &mut self,
        digest: u64,
        every: Duration,
        triggers: &mut BTreeSet<Trigger>,
    ) -> Duration {
        if digest == self.seen {
            self.doubt = None;
            return every;
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
        every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which of these states, one after the other, a change is told.
    fn told(states: &[u64]) -> Vec<usize> {
        let (next, costs) = (Instant::now(), [Duration::ZERO; 4]);
        let mut list = Paced { list: List::Links, seen: 0, doubt: None, next, costs };
        let told = states.iter().enumerate().filter(|(_, state)| {
            let mut triggers = BTreeSet::new();
            list.settle(**state, Duration::from_secs(1), &mut triggers);
            !triggers.is_empty()
        });
        told.map(|(at, _)| at).collect()
    }

    #[test]
    fn a_state_that_stays_is_told_once() {
        assert_eq!(told(&[0, 7, 7, 7, 7]), [2]);
    }

    #[test]
    fn a_program_that_goes_at_once_is_no_change() {
        assert_eq!(told(&[0, 7, 0, 8, 0, 9, 0]), [0; 0]);
    }

    #[test]
    fn lists_that_differ_each_time_are_told_in_the_end() {
        assert_eq!(told(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), [7]);
    }
}
