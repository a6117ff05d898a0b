//! The kernel's run-time statistics, where they were asked for.

use std::sync::Arc;

use crate::facts::Observed;
use crate::facts::privilege::Privilege;
use crate::observe::Host;
use crate::observe::inventory::Statistics;
use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// Whether run times are told.
#[derive(Debug, Clone)]
pub(super) enum Meter {
    /// Nobody asked for them.
    NotAsked,
    /// They were asked for and are not on, so they are unknown. Whether that was logged.
    Refused(bool),
    /// They are on as long as this is held.
    On(Arc<Statistics>),
}

impl Meter {
    pub(super) fn new(is_asked: bool) -> Self {
        if is_asked { Self::Refused(false) } else { Self::NotAsked }
    }

    /// Switches on what was asked for and is not on yet; the refusal is logged once.
    pub(super) fn hold(&mut self, host: &Host, privilege: &Observed<Privilege>) {
        let Self::Refused(is_told) = *self else { return };
        *self = match Statistics::switch_on(host, privilege) {
            Ok(statistics) => {
                tracing::info!("run-time statistics of BPF programs are on (--statistics)");
                Self::On(Arc::new(statistics))
            }
            Err(failure) => {
                if !is_told {
                    tracing::warn!(
                        cause = failure.cause.as_str(),
                        detail = failure.detail,
                        "run times of BPF programs stay unknown (--statistics)"
                    );
                }
                Self::Refused(true)
            }
        };
    }

    /// Series that one program takes.
    pub(super) fn series(&self) -> usize {
        if matches!(self, Self::On(_)) { 3 } else { 1 }
    }

    pub(super) fn sample(&self, samples: &mut Samples) {
        let is_on = match self {
            Self::NotAsked => return,
            Self::Refused(_) => false,
            Self::On(_) => true,
        };
        samples.put(agent::STATISTICS, &["on"], f64::from(u8::from(is_on)));
        samples.put(agent::STATISTICS, &["unknown"], f64::from(u8::from(!is_on)));
    }
}
