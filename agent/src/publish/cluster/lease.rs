//! One leader, by a Lease of `coordination.k8s.io`: as client-go's leader election does it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long a leader leads without a word from it, unless it is told otherwise.
pub const LASTS: Duration = Duration::from_secs(15);

/// Who holds which Lease.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where the Lease is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who this is: the pod's name.
    pub identity: String,
    /// How long a leader leads without a word from it: [`LASTS`].
    pub lasts: Duration,
}

impl Candidate {
    /// A leader that could not renew for so long stops by itself, before another one may begin.
    fn renew(&self) -> Duration {
        self.lasts * 2 / 3
    }

    /// How long it still leads after a renewal that was asked for at `renewed`; `None`: it does not.
    fn leads_for(&self, renewed: Option<Instant>, now: Instant) -> Duration {
        let passed = |it: Instant| now.saturating_duration_since(it);
        renewed.map_or(Duration::ZERO, |it| self.renew().saturating_sub(passed(it)))
    }

    /// How long one look may take: a leader's no longer than it leads.
    fn patience(&self, renewed: Option<Instant>, now: Instant) -> Duration {
        if renewed.is_some() { self.leads_for(renewed, now) } else { self.renew() }
    }

    /// From one look at the Lease to the next.
    fn retry(&self) -> Duration {
        self.lasts * 2 / 15
    }
}

/// A Lease as it was seen last: others' clocks are not trusted, only that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    version: String,
    at: Instant,
}

/// What is to be done about a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is ours: say that we are still here.
    Renew,
    /// Nobody holds it, or who held it is silent.
    Take,
    /// Somebody else leads.
    Wait,
}

/// Takes part until `stop` says so or its sender is gone; `leads` says whether this one leads.
/// Gives the Lease back at the end.
pub async fn take_part(
    client: Client,
    candidate: Candidate,
    leads: &watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let api: Api<Lease> = Api::namespaced(client, &candidate.namespace);
    let (mut seen, mut renewed) = (None, None);
    loop {
        let began = Instant::now();
        let patience = candidate.patience(renewed, began);
        let round = tokio::time::timeout(patience, round(&api, &candidate, &mut seen));
        let ended = tokio::select! {
            ended = round => ended,
            _ = stop.wait_for(|it| *it) => break,
        };
        match ended {
            // The others may have seen it as early as it was asked for.
            Ok(Ok(true)) => renewed = Some(began),
            Ok(Ok(false)) => renewed = None,
            Ok(Err(error)) => tracing::warn!(%error, "cannot look after the Lease"),
            Err(_) => tracing::warn!(within = ?patience, "no answer about the Lease"),
        }
        let left = candidate.leads_for(renewed, Instant::now());
        let is_leader = !left.is_zero();
        renewed = renewed.filter(|_| is_leader);
        if leads.send_replace(is_leader) != is_leader {
            tracing::info!(is_leader, identity = candidate.identity, "leadership changed");
        }
        let pause = if is_leader { candidate.retry().min(left) } else { candidate.retry() };
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|it| *it) => break,
        }
    }
    if leads.send_replace(false) {
        let given = tokio::time::timeout(candidate.retry(), give_back(&api, &candidate)).await;
        tracing::debug!(?given, "gave the Lease back");
    }
}

/// One look, and what follows from it. Whether this one leads now.
async fn round(
    api: &Api<Lease>,
    candidate: &Candidate,
    seen: &mut Option<Seen>,
) -> Result<bool, Error> {
    let Some(lease) = api.get_opt(&candidate.name).await? else {
        let lease = held(candidate, Lease::default(), true);
        return settled(api.create(&PostParams::default(), &lease).await);
    };
    let version = lease.metadata.resource_version.clone().unwrap_or_default();
    if seen.as_ref().is_none_or(|it| it.version != version) {
        *seen = Some(Seen { version, at: Instant::now() });
    }
    let silent_for = seen.as_ref().map_or(Duration::ZERO, |it| it.at.elapsed());
    let step = step(lease.spec.as_ref(), &candidate.identity, silent_for);
    if step == Step::Wait {
        return Ok(false);
    }
    let lease = held(candidate, lease, step == Step::Take);
    settled(api.replace(&candidate.name, &PostParams::default(), &lease).await)
}

/// Another one was faster: that is an answer, not an error.
fn settled(written: Result<Lease, Error>) -> Result<bool, Error> {
    match written {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

fn step(spec: Option<&LeaseSpec>, identity: &str, silent_for: Duration) -> Step {
    let holder = spec.and_then(|it| it.holder_identity.as_deref()).unwrap_or_default();
    let lasts = spec.and_then(|it| it.lease_duration_seconds).and_then(|it| u64::try_from(it).ok());
    let lasts = lasts.map_or(LASTS, Duration::from_secs);
    match holder {
        "" => Step::Take,
        it if it == identity => Step::Renew,
        _ if silent_for >= lasts => Step::Take,
        _ => Step::Wait,
    }
}

/// The Lease as it is when this one holds it. Its `resourceVersion` stays: who writes on top of a
/// newer one is refused.
fn held(candidate: &Candidate, lease: Lease, is_new: bool) -> Lease {
    let now = MicroTime(Timestamp::now());
    let mut spec = lease.spec.unwrap_or_default();
    if is_new {
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |it| it.saturating_add(1)));
        spec.acquire_time = Some(now.clone());
    }
    spec.holder_identity = Some(candidate.identity.clone());
    spec.lease_duration_seconds = i32::try_from(candidate.lasts.as_secs()).ok();
    spec.renew_time = Some(now);
    let metadata = ObjectMeta { name: Some(candidate.name.clone()), ..lease.metadata };
    Lease { metadata, spec: Some(spec) }
}

/// Lets the next one begin at once.
async fn give_back(api: &Api<Lease>, candidate: &Candidate) -> Result<(), Error> {
    let Some(mut lease) = api.get_opt(&candidate.name).await? else { return Ok(()) };
    let Some(spec) = &mut lease.spec else { return Ok(()) };
    if spec.holder_identity.as_deref() != Some(&candidate.identity) {
        return Ok(());
    }
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    api.replace(&candidate.name, &PostParams::default(), &lease).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_is_taken_only_when_nobody_was_heard_for_as_long_as_it_lasts() {
        let seconds = Duration::from_secs;
        assert_eq!(step(Some(&spec("b")), "a", seconds(14)), Step::Wait);
        assert_eq!(step(Some(&spec("b")), "a", seconds(15)), Step::Take);
        assert_eq!(step(Some(&spec("a")), "a", seconds(60)), Step::Renew);
        assert_eq!(step(Some(&spec("")), "a", seconds(0)), Step::Take);
        assert_eq!(step(None, "a", seconds(0)), Step::Take);
    }

    #[test]
    fn who_takes_it_counts_the_change_and_who_renews_does_not() {
        let candidate = Candidate {
            namespace: "n".into(),
            name: "l".into(),
            identity: "a".into(),
            lasts: LASTS,
        };
        let lease = Lease { spec: Some(spec("b")), ..Lease::default() };
        let taken = held(&candidate, lease, true).spec.unwrap();
        assert_eq!(
            (taken.holder_identity.as_deref(), taken.lease_transitions),
            (Some("a"), Some(0))
        );
        let again = held(&candidate, Lease { spec: Some(taken), ..Lease::default() }, true);
        let renewed = held(&candidate, again, false).spec.unwrap();
        assert_eq!(renewed.lease_transitions, Some(1));
    }

    /// Another one may have seen the renewal when it was asked for, and takes over as long after that
    /// as the Lease lasts: whatever the API server does, this one has stopped by then.
    #[test]
    fn a_leader_stops_before_another_may_begin_however_slow_the_server_is() {
        let candidate = Candidate {
            namespace: "n".into(),
            name: "l".into(),
            identity: "a".into(),
            lasts: LASTS,
        };
        let asked = Instant::now();
        let after = |seconds| asked + Duration::from_secs(seconds);
        // The answer took eight seconds: two are left, and the next look may take no longer.
        assert_eq!(candidate.leads_for(Some(asked), after(8)), Duration::from_secs(2));
        assert_eq!(candidate.patience(Some(asked), after(8)), Duration::from_secs(2));
        assert_eq!(candidate.leads_for(Some(asked), after(10)), Duration::ZERO);
        assert_eq!(candidate.patience(Some(asked), after(60)), Duration::ZERO);
        assert!(candidate.renew() < LASTS);
        // Who does not lead has time.
        assert_eq!(candidate.leads_for(None, asked), Duration::ZERO);
        assert_eq!(candidate.patience(None, asked), candidate.renew());
    }
}
