//! How fast: backoff after failures, spreading over a fleet, and a cap on writes.

use std::time::Duration;

/// Waits after failures: each longer than the one before, never longer than the last, and never
/// the same on two nodes.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

impl Backoff {
    /// After a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure. `asked`: what the server asked for (`Retry-After`),
    /// which is the least. `chance`: from 0 to 1.
    pub fn next(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = step.mul_f64(0.5 + chance / 2.0);
        match asked {
            // On top of what the server asked for, so that not all come back in one second.
            Some(asked) => asked.min(Duration::from_secs(600)) + FIRST.mul_f64(chance),
            None => own,
        }
    }
}

/// So many at once, and then one in a while.
#[derive(Debug)]
pub struct Bucket {
    size: f64,
    refill: Duration,
    level: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket.
    pub fn new(size: u32, refill: Duration) -> Self {
        Self { size: size.into(), refill, level: size.into(), at: Duration::ZERO }
    }

    /// Takes one, or says how long until there is one. `now` is any clock that only goes forward.
    ///
    /// # Errors
    ///
    /// The wait, when there is none to take.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64() / self.refill.as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed).min(self.size);
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        Err(self.refill.mul_f64(1.0 - self.level))
    }
}

/// How soon a write has to be out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Something happened on this node alone.
    Event,
    /// A start, a timer, a server that is back: every node of the fleet may be doing the same.
    Routine,
}

/// The time over which nodes that do the same are spread.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// For [`Urgency::Event`].
    pub event: Duration,
    /// For [`Urgency::Routine`].
    pub routine: Duration,
    /// From one heartbeat of the conditions to the next, give or take a tenth.
    pub heartbeat: Duration,
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            event: Duration::from_millis(300),
            routine: Duration::from_secs(30),
            heartbeat: Duration::from_secs(300),
        }
    }
}

impl Spread {
    /// How long this node waits. `chance`: from 0 to 1.
    pub fn delay(&self, urgency: Urgency, chance: f64) -> Duration {
        match urgency {
            Urgency::Event => self.event.mul_f64(chance),
            Urgency::Routine => self.routine.mul_f64(chance),
        }
    }

    /// Until the next heartbeat. `chance`: from 0 to 1.
    pub fn until_heartbeat(&self, chance: f64) -> Duration {
        self.heartbeat.mul_f64(0.9 + chance / 5.0)
    }
}

/// A number from 0 to 1 that differs from node to node.
pub fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    // `RandomState` is seeded by the kernel, and anew each time.
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let value = bits as f64 / (1_u64 << 53) as f64;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_start_again_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..9).map(|_| backoff.next(None, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next(None, 0.0), Duration::from_millis(500));
    }

    #[test]
    fn a_server_that_names_a_wait_gets_it() {
        let wait = Backoff::default().next(Some(Duration::from_secs(30)), 0.5);
        assert_eq!(wait, Duration::from_millis(30_500));
    }

    #[test]
    fn a_bucket_gives_its_size_at_once_and_then_one_a_refill() {
        let mut bucket = Bucket::new(2, Duration::from_secs(10));
        let at = Duration::from_secs;
        assert!(bucket.take(at(100)).is_ok() && bucket.take(at(100)).is_ok());
        assert_eq!(bucket.take(at(100)), Err(at(10)));
        assert_eq!(bucket.take(at(105)), Err(at(5)));
        assert!(bucket.take(at(110)).is_ok());
        // A clock that goes back gives nothing and takes nothing.
        assert!(bucket.take(at(1)).is_err());
        assert!(bucket.take(at(120)).is_ok());
    }

    #[test]
    fn chances_lie_between_nought_and_one_and_differ() {
        let many: Vec<f64> = (0..64).map(|_| chance()).collect();
        assert!(many.iter().all(|it| (0.0..1.0).contains(it)));
        assert!(many.windows(2).any(|it| (it[0] - it[1]).abs() > f64::EPSILON));
    }
}
