//! What the latest judgement left: finished, and shared by all who read.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::facts::Failure;
use crate::judge::ClusterReport;
use crate::publish::cluster::{metrics, page};
use crate::publish::prometheus::{Samples, part};

/// A report in the forms in which it is read.
#[derive(Debug)]
pub(super) struct Published {
    /// The report's metrics, as a part of an OpenMetrics document.
    pub(super) metrics: String,
    /// The report as JSON, gzip.
    pub(super) json: Bytes,
    /// The page for people, gzip.
    pub(super) page: Bytes,
    /// How long the judgement took.
    pub(super) took: Duration,
    /// How much is still to be written.
    pub(super) pending: usize,
}

/// The latest one.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Option<Arc<Published>>>);

impl Latest {
    pub(super) fn get(&self) -> Option<Arc<Published>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, published: Published) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(published));
    }
}

impl Published {
    pub(super) fn of(
        report: &ClusterReport,
        failures: &[(&str, &Failure)],
        took: Duration,
        pending: usize,
    ) -> anyhow::Result<Self> {
        let mut samples = Samples::default();
        metrics::of_report(&mut samples, report, failures);
        // Written into the compressor: the whole text of 5,000 nodes is megabytes.
        let mut json = GzEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut json, report).context("cannot write the report")?;
        let mut page = GzEncoder::new(Vec::new(), Compression::fast());
        page.write_all(page::render(report).as_bytes())?;
        Ok(Self {
            metrics: part(samples)?,
            json: json.finish()?.into(),
            page: page.finish()?.into(),
            took,
            pending,
        })
    }
}
