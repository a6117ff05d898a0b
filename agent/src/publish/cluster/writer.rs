//! Carries out writes: the leader alone, not faster than allowed, and none twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::requests::{Author, Ended, send};
use super::writes::{Key, Write};

/// How long a write may take to be seen by the watch, before it counts as undone.
const ECHO: Duration = Duration::from_secs(60);
/// How long a refusal stands before it is tried again.
const REFUSED: Duration = Duration::from_secs(600);
/// How long an Event stays in the API server: another one would be refused as a repetition.
const EVENT_LIFE: Duration = Duration::from_secs(3600);
/// How long the server is left alone when it asks for it.
const LATER: Duration = Duration::from_secs(5);

/// Counts of what was sent, by kind and end.
#[derive(Debug, Default)]
pub struct Sent(Mutex<BTreeMap<(&'static str, Ended), u64>>);

impl Sent {
    fn count(&self, write: &Write, ended: Ended) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((write.kind(), ended)).or_default() += 1;
    }

    /// All counts.
    pub fn counts(&self) -> BTreeMap<(&'static str, Ended), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes what is missing, as long as this one leads.
#[expect(missing_debug_implementations, reason = "a client has nothing to show")]
pub struct Writer {
    /// The client.
    pub client: Client,
    /// Who writes.
    pub author: Author,
    /// From one write to the next.
    pub pace: Duration,
    /// Whether this one leads.
    pub leads: watch::Receiver<bool>,
    /// What is missing, as far as it was seen.
    pub missing: watch::Receiver<Arc<Vec<Write>>>,
    /// Counts.
    pub sent: Arc<Sent>,
}

impl Writer {
    /// Writes until the senders of what is missing are gone.
    pub async fn run(mut self) {
        let mut settled = Settled::default();
        let mut pace = interval(self.pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let missing = Arc::clone(&self.missing.borrow_and_update());
            settled.keep(&missing);
            for write in missing.iter() {
                // Whatever is new is better than what this list says.
                if !*self.leads.borrow() || self.missing.has_changed().unwrap_or(true) {
                    break;
                }
                if settled.has(&write.key()) {
                    continue;
                }
                pace.tick().await;
                // The pace takes time, and leadership may have gone meanwhile.
                if !*self.leads.borrow() {
                    break;
                }
                self.write(write, &mut settled).await;
            }
            tokio::select! {
                changed = self.missing.changed() => if changed.is_err() { return },
                changed = self.leads.changed() => if changed.is_err() { return },
                () = sleep(LATER) => {}
            }
        }
    }

    async fn write(&self, write: &Write, settled: &mut Settled) {
        let ended = send(&self.client, &self.author, write).await;
        self.sent.count(write, ended);
        match ended {
            Ended::Written | Ended::Repeated if matches!(write, Write::Event { .. }) => {
                settled.put(write.key(), EVENT_LIFE);
            }
            Ended::Written | Ended::Repeated | Ended::Gone => settled.put(write.key(), ECHO),
            Ended::Refused | Ended::Forbidden => settled.put(write.key(), REFUSED),
            Ended::Later => sleep(LATER).await,
        }
        if ended == Ended::Forbidden {
            tracing::warn!(kind = write.kind(), "the right to write this is missing");
        }
    }
}

/// What was written and has not come back through the watch yet, and what was refused.
#[derive(Debug, Default)]
struct Settled(HashMap<Key, Instant>);

impl Settled {
    fn put(&mut self, key: Key, stands: Duration) {
        self.0.insert(key, Instant::now() + stands);
    }

    fn has(&self, key: &Key) -> bool {
        self.0.get(key).is_some_and(|it| *it > Instant::now())
    }

    /// Forgets what is not missing any more. An Event leaves no mark of its own, so it stays known
    /// until its time is over.
    fn keep(&mut self, missing: &[Write]) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.0);
        let kept = missing.iter().filter_map(|it| before.remove_entry(&it.key()));
        self.0 = kept.filter(|(_, until)| *until > now).collect();
    }
}
