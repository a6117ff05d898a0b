//! How long a watch waits before it asks an API server again that did not answer.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;

/// kube's waits after errors, 0.8 to 30 s, by chance a little more. Its own use of them starts anew
/// with every attempt to list (`Event::Init` counts as a success), so a server that is away or says
/// "too many requests" would be asked every second, by every agent of a fleet.
#[derive(Default)]
pub(in crate::observe) struct Patience(DefaultBackoff);

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next()
    }
}

impl Backoff for Patience {
    /// Two minutes without an error do it, which is kept count of inside.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_begin_and_fail_come_ever_more_rarely() {
        let mut patience = Patience::default();
        let waits = (0..8).map(|_| {
            patience.reset();
            patience.next().unwrap()
        });
        let waits: Vec<Duration> = waits.collect();
        assert!(waits[0] < Duration::from_secs(3), "{waits:?}");
        assert!(waits[7] >= Duration::from_secs(15), "{waits:?}");
    }
}
