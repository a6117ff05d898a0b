//! Keeps the Node as it should be, for months.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::desired::Desired;
use super::event::{self, News, Told};
use super::pace::{Backoff, Bucket, Spread, Urgency, chance};
use super::plan::{Now, Write, held_by_others, plan};
use super::promise::promise;
use super::request::{NodeId, Outcome, Refusal, Version, send};
use super::tally::{Standing, Tally};
use crate::facts::node_object::NodeObject;

/// What the API server shows of the Node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nothing was heard yet.
    #[default]
    Nothing,
    /// There is no such Node.
    Absent,
    /// The Node.
    Node(Arc<NodeObject>),
}

/// What the Node should say, and how soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The desired state.
    pub desired: Arc<Desired>,
    /// What led to it.
    pub urgency: Urgency,
}

/// How many rounds of writes at once, and then one in how long.
const ROUNDS: (u32, Duration) = (8, Duration::from_secs(10));
/// Likewise for Events: what client-go allows, at a fifth of its burst.
const EVENTS: (u32, Duration) = (5, Duration::from_secs(300));
/// How long a write may take to come back through the watch.
const ECHO: Duration = Duration::from_secs(5);
/// An Event is not worth more.
const EVENT_PATIENCE: Duration = Duration::from_secs(5);

/// Writes what is missing on one Node, and nothing else.
pub struct Keeper {
    client: Client,
    node: String,
    spread: Spread,
    tally: Arc<Tally>,
    seen: watch::Receiver<Seen>,
    wanted: watch::Receiver<Option<Wanted>>,
    recorder: Recorder,
    started: Instant,
    rounds: Bucket,
    events: Bucket,
    backoff: Backoff,
    told: Told,
    uid: String,
    heartbeat: Instant,
    /// No write before this.
    not_before: Option<Instant>,
    /// The state that the latest write made, and until when it is waited for.
    awaited: Option<(Version, Instant)>,
    urgency: Urgency,
}

impl Keeper {
    /// A keeper of the Node `node`; `instance` names the writer in Events, such as its pod.
    pub fn new(
        client: Client,
        (node, instance): (&str, Option<String>),
        spread: Spread,
        tally: Arc<Tally>,
        (seen, wanted): (watch::Receiver<Seen>, watch::Receiver<Option<Wanted>>),
    ) -> Self {
        let reporter = Reporter { controller: super::MANAGER.to_owned(), instance };
        let now = Instant::now();
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            node: node.to_owned(),
            tally,
            seen,
            wanted,
            started: now,
            rounds: Bucket::new(ROUNDS.0, ROUNDS.1),
            events: Bucket::new(EVENTS.0, EVENTS.1),
            backoff: Backoff::default(),
            told: Told::default(),
            uid: String::new(),
            // The Node may have a fresh heartbeat of the agent before this one.
            heartbeat: now + spread.heartbeat.mul_f64(chance()),
            not_before: None,
            awaited: None,
            urgency: Urgency::Routine,
            spread,
        }
    }

    /// Runs until one of the senders is gone.
    pub async fn run(&mut self) {
        loop {
            let until = match self.step().await {
                Next::Again => continue,
                Next::Wait(until) => until,
            };
            tokio::select! {
                changed = self.seen.changed() => match changed {
                    Ok(()) => self.urgency = Urgency::Event,
                    Err(_) => return,
                },
                changed = self.wanted.changed() => match changed {
                    Ok(()) => self.urgency = self.asked_urgency(),
                    Err(_) => return,
                },
                () = sleep_until(until) => {}
            }
        }
    }

    fn asked_urgency(&self) -> Urgency {
        let asked = self.wanted.borrow().as_ref().map_or(Urgency::Routine, |it| it.urgency);
        // A delay that has begun for an event is not made longer by a routine look.
        if self.not_before.is_some() { self.urgency } else { asked }
    }

    /// Does what is to be done now, or says how long there is nothing to do.
    async fn step(&mut self) -> Next {
        let seen = self.seen.borrow_and_update().clone();
        let wanted = self.wanted.borrow_and_update().clone();
        self.tell_standing(&seen, wanted.as_ref());
        let (Seen::Node(node), Some(wanted)) = (seen, wanted) else {
            return Next::Wait(self.later());
        };
        if node.uid != self.uid {
            self.begin(&node);
        }
        if let Some(until) = self.awaits(&node) {
            return Next::Wait(until);
        }
        let desired = wanted.desired;
        if let Some(news) = event::broken_promise(&desired, &node, &mut self.told) {
            self.tell(&node, news).await;
        }
        let writes = plan(&desired, &node, &self.now());
        if writes.is_empty() {
            self.not_before = None;
            return Next::Wait(self.heartbeat.max(Instant::now() + Duration::from_millis(1)));
        }
        match self.hold(&node, &desired) {
            Some(until) => Next::Wait(until),
            None => {
                self.write(&writes, &node, &desired).await;
                Next::Again
            }
        }
    }

    /// Another Node of the same name: nothing that was known of the former one holds.
    fn begin(&mut self, node: &NodeObject) {
        if !self.uid.is_empty() {
            tracing::info!(node = self.node, "the Node was made anew");
        }
        self.uid.clone_from(&node.uid);
        self.told = Told::default();
        self.awaited = None;
    }

    /// Until when to wait for the watch to show what was written; a plan made from an older state
    /// would write it again.
    fn awaits(&mut self, node: &NodeObject) -> Option<Instant> {
        let (version, until) = self.awaited.as_ref()?;
        let is_shown = node.is_as_new_as(&version.resource_version) != Some(false);
        if is_shown || *until <= Instant::now() {
            self.awaited = None;
            return None;
        }
        Some(*until)
    }

    /// Until when writes are held back: by backoff, to spread a fleet, by the cap on writes.
    fn hold(&mut self, node: &NodeObject, desired: &Desired) -> Option<Instant> {
        let now = Instant::now();
        let until = *self.not_before.get_or_insert_with(|| {
            // Pods wait for the startup taint to go. A heartbeat has its own jitter.
            let waits = node.taints.iter().any(|it| it.key == desired.taint);
            let urgency = if waits { Urgency::Event } else { self.urgency };
            let is_heartbeat = self.heartbeat <= now;
            if is_heartbeat { now } else { now + self.spread.delay(urgency, chance()) }
        });
        if until > now {
            return Some(until);
        }
        match self.rounds.take(now - self.started) {
            Ok(()) => None,
            Err(wait) => Some(now + wait),
        }
    }

    async fn write(&mut self, writes: &[Write], node: &NodeObject, desired: &Desired) {
        self.not_before = None;
        let mut news = Vec::new();
        for write in writes {
            let id = NodeId { name: &self.node, uid: &node.uid };
            match send(&self.client, &id, write).await {
                Ok(version) => {
                    self.tally.request(write.kind(), "ok");
                    self.awaited = Some((version, Instant::now() + ECHO));
                    news.extend(self.written(write, node, desired));
                }
                Err(refusal) => {
                    self.failed(write, &refusal);
                    // A label that may not be written holds up neither condition nor taint; a server
                    // that does not answer is left alone.
                    if !refusal.result.is_about_one_write() {
                        break;
                    }
                }
            }
        }
        for it in news {
            self.tell(node, it).await;
        }
    }

    /// What a write that succeeded changes, and what is to be told about it.
    fn written(&mut self, write: &Write, node: &NodeObject, desired: &Desired) -> Vec<News> {
        self.backoff.reset();
        self.urgency = Urgency::Routine;
        tracing::debug!(node = self.node, kind = write.kind(), "written");
        match write {
            Write::Labels(_) => Vec::new(),
            Write::Conditions(_) => {
                self.heartbeat = Instant::now() + self.spread.until_heartbeat(chance());
                event::transitions(desired, node)
            }
            Write::Taint { .. } => {
                tracing::info!(node = self.node, taint = desired.taint, "startup taint removed");
                vec![event::taint_removed(desired)]
            }
        }
    }

    fn failed(&mut self, write: &Write, refusal: &Refusal) {
        let Refusal { result, detail, wait } = refusal;
        self.tally.request(write.kind(), result.as_str());
        let mut delay = self.backoff.next(*wait, chance());
        if *result == Outcome::Conflict {
            // Somebody else was faster: what they wrote comes through the watch at once.
            delay = delay.min(Duration::from_secs(2));
        }
        self.not_before = Some(Instant::now() + delay);
        let kind = write.kind();
        tracing::warn!(
            node = self.node,
            kind,
            result = result.as_str(),
            detail,
            ?delay,
            "not written"
        );
    }

    async fn tell(&mut self, node: &NodeObject, news: News) {
        if self.events.take(Instant::now() - self.started).is_err() {
            tracing::debug!(reason = news.reason, "Event dropped by the rate limit");
            return self.tally.event_dropped();
        }
        let reference = ObjectReference {
            api_version: Some("v1".into()),
            kind: Some("Node".into()),
            name: Some(node.name.clone()),
            uid: Some(node.uid.clone()),
            ..ObjectReference::default()
        };
        let event = news.into();
        let sent = timeout(EVENT_PATIENCE, self.recorder.publish(&event, &reference)).await;
        let result = match sent {
            Ok(Ok(())) => "ok",
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => "forbidden",
            Ok(Err(kube::Error::Api(status))) if status.code == 429 => "throttled",
            Ok(Err(kube::Error::Api(_))) => "refused",
            Ok(Err(_)) => "unreachable",
            Err(_) => "timeout",
        };
        self.tally.request("event", result);
        if result != "ok" {
            tracing::warn!(result, reason = event.reason, "Event not sent");
        }
    }

    fn tell_standing(&self, seen: &Seen, wanted: Option<&Wanted>) {
        let mut standing = Standing { node: "unknown", ..Standing::default() };
        match seen {
            Seen::Nothing => {}
            Seen::Absent => standing.node = "no",
            Seen::Node(node) => {
                standing.node = "yes";
                if let Some(Wanted { desired, .. }) = wanted {
                    let is_ours = |it: &crate::facts::node_object::Taint| it.key == desired.taint;
                    standing.is_tainted = Some(node.taints.iter().any(is_ours));
                    standing.held = held_by_others(desired, node).into_iter().collect();
                    standing.promise = promise(desired, node);
                }
            }
        }
        self.tally.stands(standing);
    }

    fn now(&self) -> Now {
        // Whole seconds, as Kubernetes writes times.
        let wall = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Now { wall, is_heartbeat_due: self.heartbeat <= Instant::now() }
    }

    /// Long enough to be nothing, short enough for the arithmetic of clocks.
    fn later(&self) -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }
}

enum Next {
    Again,
    Wait(Instant),
}
