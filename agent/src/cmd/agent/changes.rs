//! What changes on the node, from the watcher of events.

use std::sync::Arc;
use std::time::Instant;

use super::{Args, Shared};
use crate::observe::watch::{Pace, Trigger, Watcher};

/// How the watcher rings.
pub(super) const CHANGES: &str = "changes";

/// The watcher, where there is one: a recording does not change.
#[derive(Debug)]
pub(super) struct Changes {
    watcher: Option<Watcher>,
}

/// What changed.
#[derive(Debug)]
pub(super) struct Changed {
    /// The kinds of change.
    pub(super) by: Vec<&'static str>,
    /// When the first was seen; `None`: nothing did, it was time for a full look.
    pub(super) since: Option<Instant>,
}

impl Changes {
    pub(super) fn start(args: &Args, shared: &Arc<Shared>) -> anyhow::Result<Self> {
        let pace = Pace { full: args.interval, ..Pace::default() };
        let rings = Arc::clone(shared);
        let watcher = Watcher::start(args.host.open()?, pace, move || rings.bell.ring(CHANGES));
        let told =
            watcher.inspect_err(|it| tracing::info!(why = it.detail, "changes are not seen"));
        Ok(Self { watcher: told.ok() })
    }

    pub(super) fn take(&self) -> Option<Changed> {
        let changed = self.watcher.as_ref()?.take()?;
        let is_change = |it: &Trigger| !matches!(it, Trigger::Interval | Trigger::Restarted);
        let since = changed.by.iter().any(is_change).then_some(changed.since);
        Some(Changed { by: changed.by.iter().map(|it| it.as_str()).collect(), since })
    }

    /// Our own probes are no change.
    pub(super) fn during_a_look<T>(&self, look: impl FnOnce() -> T) -> T {
        let _looking = self.watcher.as_ref().map(Watcher::looking);
        look()
    }

    /// Kinds of change that cannot be seen, and why.
    pub(super) fn blind(&self) -> Vec<(&'static str, &'static str)> {
        let blind = self.watcher.as_ref().map(Watcher::blind).unwrap_or_default();
        blind.iter().map(|(source, it)| (source.as_str(), it.cause.as_str())).collect()
    }
}
