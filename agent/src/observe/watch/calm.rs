//! When to speak: after a moment of quiet, not too late, and not too often.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Pace, Trigger};

/// Gathers what moved until it is time to say so. It owns no clock: the caller says what time it is.
#[derive(Debug)]
pub(super) struct Calm {
    pace: Pace,
    pending: Option<Pending>,
    /// How often it may still speak at once.
    allowance: u32,
    /// When the allowance was last raised.
    raised: Instant,
    /// When it last spoke.
    spoke: Instant,
}

#[derive(Debug)]
struct Pending {
    by: BTreeSet<Trigger>,
    first: Instant,
    last: Instant,
}

impl Calm {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        let allowance = pace.burst.max(1);
        Self { pace, pending: None, allowance, raised: now, spoke: now }
    }

    /// This moved.
    pub(super) fn note(&mut self, trigger: Trigger, now: Instant) {
        let pending = self.pending.get_or_insert_with(|| Pending {
            by: BTreeSet::new(),
            first: now,
            last: now,
        });
        pending.by.insert(trigger);
        pending.last = now;
    }

    /// When there will be something to say, if nothing more comes.
    pub(super) fn due(&self) -> Instant {
        let Some(pending) = &self.pending else { return self.spoke + self.pace.full };
        let due = (pending.last + self.pace.quiet).min(pending.first + self.pace.most);
        if self.allowance > 0 { due } else { due.max(self.raised + self.pace.refill) }
    }

    /// What to say now, if it is time: what moved, and since when.
    pub(super) fn say(&mut self, now: Instant) -> Option<(BTreeSet<Trigger>, Instant)> {
        self.raise(now);
        if now < self.due() {
            return None;
        }
        self.spoke = now;
        let Some(pending) = self.pending.take() else {
            return Some((BTreeSet::from([Trigger::Interval]), now));
        };
        self.allowance = self.allowance.saturating_sub(1);
        Some((pending.by, pending.first))
    }

    /// One more for each [`Pace::refill`] that has passed, up to [`Pace::burst`].
    fn raise(&mut self, now: Instant) {
        let full = self.pace.burst.max(1);
        while self.allowance < full && now >= self.raised + self.pace.refill {
            self.allowance += 1;
            self.raised += self.pace.refill;
        }
        if self.allowance == full {
            self.raised = now;
        }
    }
}

/// Milliseconds from `now` to `due`, rounded up, as poll(2) wants them.
pub(super) fn wait(due: Instant, now: Instant) -> Duration {
    let rest = due.saturating_duration_since(now);
    Duration::from_millis(u64::try_from(rest.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// When a watcher speaks that hears of a change at each of these times, in milliseconds.
    fn spoken(changes: &[u64], until: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut calm = Calm::new(Pace::default(), start);
        let mut spoken = Vec::new();
        for time in 0..until {
            let now = start + ms(time);
            if changes.contains(&time) {
                calm.note(Trigger::Links, now);
            }
            if calm.say(now).is_some() {
                spoken.push(time);
            }
        }
        spoken
    }

    #[test]
    fn one_change_is_told_after_a_moment_of_quiet() {
        assert_eq!(spoken(&[1_000], 5_000), [1_100]);
    }

    #[test]
    fn changes_that_follow_each_other_are_told_once() {
        assert_eq!(spoken(&[1_000, 1_050, 1_120], 5_000), [1_220]);
    }

    #[test]
    fn changes_without_end_are_told_after_half_a_second() {
        let changes: Vec<u64> = (1_000..1_800).step_by(10).collect();
        assert_eq!(spoken(&changes, 5_000), [1_500, 1_890]);
    }

    /// Ten at once, then one in five seconds: a minute of storm is at most ten and twelve looks.
    #[test]
    fn a_storm_of_a_minute_is_told_a_bounded_number_of_times() {
        let storm: Vec<u64> = (0..60_000).step_by(20).collect();
        let told = spoken(&storm, 60_000).len();
        assert!((12..=22).contains(&told), "{told}");
    }

    #[test]
    fn without_any_change_it_is_told_every_five_minutes() {
        assert_eq!(spoken(&[], 700_000), [300_000, 600_000]);
    }

    #[test]
    fn what_moved_and_since_when_is_told_with_it() {
        let start = Instant::now();
        let mut calm = Calm::new(Pace::default(), start);
        calm.note(Trigger::Cni, start + ms(10));
        calm.note(Trigger::Links, start + ms(20));
        let said = calm.say(start + ms(200));
        assert_eq!(said, Some((BTreeSet::from([Trigger::Links, Trigger::Cni]), start + ms(10))));
        assert_eq!(calm.say(start + ms(201)), None);
    }
}
