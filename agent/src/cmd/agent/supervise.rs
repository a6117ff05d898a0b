//! Tasks that break are told and started again; the process lives on.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;

use super::Shared;
use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// Between a break and the next start.
const PAUSE: Duration = Duration::from_secs(5);

/// Counts what broke.
#[derive(Debug, Default)]
pub(super) struct Supervisor(Mutex<BTreeMap<&'static str, u64>>);

impl Supervisor {
    /// Runs what `start` makes, again after each panic and each end.
    pub(super) fn spawn<F>(
        &self,
        shared: &Arc<Shared>,
        name: &'static str,
        mut start: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            loop {
                // What a task holds is dropped with it, and the next one begins anew.
                let task = AssertUnwindSafe(start()).catch_unwind().await;
                match task {
                    Ok(()) => tracing::warn!(task = name, "ended; it is started again"),
                    Err(_) => shared.supervisor.broke(name),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Counts one break. The panic itself was told by the panic hook.
    pub(super) fn broke(&self, name: &'static str) {
        tracing::error!(task = name, "broke; it is started again. Please report this");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn sample(&self, samples: &mut Samples) {
        for (task, count) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            samples.put(agent::TASK_RESTARTS, &[task], *count as f64);
        }
    }
}
