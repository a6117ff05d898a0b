//! Which container runtime makes the pods of this node.

use super::places::{PLACES, Place};
use super::settings::Settings;
use super::{containerd, crio, kubelet};
use crate::facts::cni::{Distribution, Runtime, RuntimeKind, RuntimeSign};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

/// The runtime, where it keeps things, and what it is told.
pub(super) struct Found {
    pub(super) runtime: Observed<Option<Runtime>>,
    /// `None`: no runtime is known.
    pub(super) place: Option<Place>,
    /// What its configuration says; `Ok(None)`: there is none.
    pub(super) settings: Result<Option<Settings>, Failure>,
}

/// A place and what is there.
struct Candidate {
    place: Place,
    signs: Vec<RuntimeSign>,
    settings: Result<Option<Settings>, Failure>,
}

impl Candidate {
    fn at(host: &Host, place: Place, endpoint: Option<&RuntimeSign>) -> Self {
        let mut signs = Vec::new();
        if let Some(sign @ RuntimeSign::KubeletEndpoint { endpoint, .. }) = endpoint
            && kubelet::kind(endpoint) == Some(place.kind)
            && (endpoint.contains(place.socket.0) || place.distribution == Distribution::Plain)
        {
            signs.push(sign.clone());
        }
        let (dir, socket) = place.socket;
        if host.list(dir).ok().flatten().is_some_and(|it| it.iter().any(|it| it == socket)) {
            signs.push(RuntimeSign::Socket(format!("{dir}/{socket}")));
        }
        let settings = match place.kind {
            RuntimeKind::Containerd => containerd::settings(host, place.config),
            RuntimeKind::CriO => crio::settings(host, place.config),
            RuntimeKind::CriDockerd => Ok(None),
        };
        if matches!(settings, Ok(Some(_)) | Err(_)) {
            signs.push(RuntimeSign::Config(place.config.to_owned()));
        }
        Self { place, signs, settings }
    }

    /// How surely this is the one: 0 not at all.
    fn rank(&self) -> u32 {
        if matches!(&self.settings, Ok(Some(settings)) if settings.disabled) {
            return 0;
        }
        let rank = |sign: &RuntimeSign| match sign {
            RuntimeSign::KubeletEndpoint { .. } => 8,
            RuntimeSign::Socket(_) => 4,
            RuntimeSign::Process(_) => 2,
            RuntimeSign::Config(_) => 1,
        };
        self.signs.iter().map(rank).sum()
    }
}

/// Looks at every place that a runtime may be in.
pub(super) fn find(host: &Host) -> Found {
    if let Err(failure) = answers(host) {
        return Found {
            runtime: Observed::Unknown(failure.clone()),
            place: None,
            settings: Err(failure),
        };
    }
    let endpoint = kubelet::endpoint(host);
    let mut candidates: Vec<Candidate> = PLACES
        .iter()
        .map(|it| Candidate::at(host, *it, endpoint.as_ref()))
        .filter(|it| it.rank() > 0)
        .collect();
    // Stable: of two alike the one of the table's order.
    candidates.sort_by_key(|it| std::cmp::Reverse(it.rank()));
    let mut candidates = candidates.into_iter();
    let Some(best) = candidates.next() else {
        return Found { runtime: Observed::Known(None), place: None, settings: Ok(None) };
    };
    let rival = candidates.find(|it| it.rank() == best.rank() && it.place.kind != best.place.kind);
    if let Some(rival) = rival {
        return undecided(&best, &rival);
    }
    chosen(host, best)
}

/// Whether this root can be looked at at all: a recording of an older release holds none of it.
fn answers(host: &Host) -> Result<(), Failure> {
    host.list("/etc/cni/net.d").map(drop).or_else(|error| {
        let failure = Failure::from(error);
        if failure.cause == Cause::NotRecorded { Err(failure) } else { Ok(()) }
    })
}

fn undecided(best: &Candidate, rival: &Candidate) -> Found {
    let detail = format!(
        "both {} and {} have left traces, and nothing says which one the kubelet uses",
        best.place.config, rival.place.config
    );
    let failure = Failure::new(Cause::Inconclusive, detail);
    Found { runtime: Observed::Unknown(failure.clone()), place: None, settings: Err(failure) }
}

fn chosen(host: &Host, best: Candidate) -> Found {
    let Candidate { place, signs, settings } = best;
    let config_version = match &settings {
        // A file that names no version has version 1.
        Ok(Some(settings)) if place.kind == RuntimeKind::Containerd => {
            Some(settings.version.unwrap_or(1))
        }
        Ok(_) | Err(_) => None,
    };
    let distribution = match place.distribution {
        Distribution::Plain if is_bottlerocket(host) => Distribution::Bottlerocket,
        other => other,
    };
    let runtime = Runtime { kind: place.kind, distribution, signs, config_version };
    Found { runtime: Observed::Known(Some(runtime)), place: Some(place), settings }
}

fn is_bottlerocket(host: &Host) -> bool {
    let release = host.read("/etc/os-release").ok().flatten().unwrap_or_default();
    release.lines().any(|it| it.trim() == "ID=bottlerocket")
}
