//! What the latest look left: finished, small, and shared by all who read.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::judge::NodeReport;
use crate::publish::{page, prometheus};

/// A report in the forms in which it is read. The report itself is not kept: it is ten times as
/// large as all of them.
#[derive(Debug)]
pub(super) struct Published {
    /// The report's metrics, as a part of an OpenMetrics document. Here and below `None`: it could
    /// not be encoded, which was logged.
    pub(super) metrics: Option<String>,
    /// The report as JSON, gzip.
    pub(super) json: Option<Bytes>,
    /// The page for people, gzip.
    pub(super) page: Option<Bytes>,
    /// Programs for their own series; only where they are asked for.
    pub(super) programs: Option<super::programs::Programs>,
    /// Sources of facts, and when each was asked.
    pub(super) sources: Vec<(String, Instant)>,
    /// When the look began.
    pub(super) began: Instant,
    /// How long look and judgement took.
    pub(super) took: Duration,
}

/// The latest one, and how looking goes.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    published: Option<Arc<Published>>,
    /// A look that has begun and not ended.
    looking_since: Option<Instant>,
    /// From the latest change that was seen to the report that holds it.
    reaction: Option<Duration>,
    looks: std::collections::BTreeMap<&'static str, u64>,
    blind: Vec<(&'static str, &'static str)>,
}

/// A look takes less than a second; one that takes this long hangs.
const HANGS: Duration = Duration::from_secs(180);

impl Latest {
    pub(super) fn get(&self) -> Option<Arc<Published>> {
        self.lock().published.clone()
    }

    pub(super) fn begin(&self) {
        self.lock().looking_since = Some(Instant::now());
    }

    /// Ends a look; `None`: it broke, and the report before it stays.
    pub(super) fn end(&self, published: Option<Published>) {
        let mut inner = self.lock();
        inner.looking_since = None;
        if let Some(published) = published {
            inner.published = Some(Arc::new(published));
        }
    }

    /// Counts a look by what led to it. `since`: when that was seen, for changes on the node.
    pub(super) fn count(&self, by: impl IntoIterator<Item = &'static str>, since: Option<Instant>) {
        let mut inner = self.lock();
        for trigger in by {
            *inner.looks.entry(trigger).or_default() += 1;
        }
        if let Some(since) = since {
            inner.reaction = Some(since.elapsed());
        }
    }

    pub(super) fn set_blind(&self, blind: Vec<(&'static str, &'static str)>) {
        self.lock().blind = blind;
    }

    /// Whether the looker lives.
    pub(super) fn is_alive(&self) -> bool {
        self.lock().looking_since.is_none_or(|it| it.elapsed() < HANGS)
    }

    /// How looking goes, as samples.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn sample(&self, samples: &mut prometheus::Samples) {
        use crate::publish::names::agent;
        let inner = self.lock();
        for (trigger, count) in &inner.looks {
            samples.put(agent::LOOKS, &[trigger], *count as f64);
        }
        for (source, cause) in &inner.blind {
            samples.put(agent::WATCH_BLIND, &[source, cause], 1.0);
        }
        if let Some(reaction) = inner.reaction {
            samples.put(agent::REACTION, &[], reaction.as_secs_f64());
        }
        let Some(published) = &inner.published else { return };
        samples.put(agent::LOOK_DURATION, &[], published.took.as_secs_f64());
        samples.put(agent::REPORT_AGE, &[], published.began.elapsed().as_secs_f64());
        for (source, asked) in &published.sources {
            samples.put(agent::SOURCE_AGE, &[source], asked.elapsed().as_secs_f64());
        }
        if let Some(programs) = &published.programs {
            programs.sample(samples);
        }
    }

    /// A thread that broke while it wrote leaves what was true before.
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was encoded. `None`: it could not be, which is logged; a bug.
pub(super) fn encoded<T, E: std::fmt::Display>(form: &str, result: Result<T, E>) -> Option<T> {
    let told = |error: &E| tracing::error!(%error, form, "cannot encode. Please report this");
    result.inspect_err(told).ok()
}

/// The report as JSON, gzip, without ever being whole in memory.
pub(super) fn json(report: &NodeReport) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let any: &mut dyn io::Write = &mut encoder;
    serde_json::to_writer(any, report)?;
    encoder.write_all(b"\n")?;
    encoder.finish().map(Bytes::from)
}

/// The page, gzip.
pub(super) fn page(report: &NodeReport, node: Option<&str>) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(page::render(report, node).as_bytes())?;
    encoder.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_encoded_is_nothing_and_not_empty() {
        let refused: Result<String, _> = Err(std::fmt::Error);
        assert_eq!(encoded("metrics", refused), None);
        assert_eq!(
            encoded::<_, std::fmt::Error>("metrics", Ok(String::new())),
            Some(String::new())
        );
    }
}
