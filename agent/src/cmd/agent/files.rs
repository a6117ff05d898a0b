//! The same report for others who read files: Node Feature Discovery and node_exporter.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::Args;
use super::cache::replace;
use crate::judge::NodeReport;
use crate::publish::labels::labels_under;
use crate::publish::names::label;
use crate::publish::node::Settings;
use crate::publish::prometheus::{Form, document};

/// Where to write; nothing, unless it was asked for.
#[derive(Debug)]
pub(super) struct Outputs {
    nfd: Option<PathBuf>,
    textfile: Option<PathBuf>,
}

impl Outputs {
    pub(super) fn of(args: &Args) -> Self {
        Self { nfd: args.nfd_dir.clone(), textfile: args.textfile_dir.clone() }
    }

    /// Writes what was asked for; what cannot be written is told and tried again after the next
    /// look.
    pub(super) fn write(
        &self,
        report: &NodeReport,
        metrics: Option<&str>,
        settings: &Settings,
        interval: Duration,
    ) {
        if let Some(dir) = &self.nfd {
            put(dir, "bpfready", &features(report, settings, Timestamp::now(), interval));
        }
        if let (Some(dir), Some(metrics)) = (&self.textfile, metrics) {
            put(dir, "bpfready.prom", &document(Form::Classic, &[metrics]));
        }
    }
}

fn put(dir: &Path, name: &str, text: &str) {
    if let Err(error) = replace(dir, name, |file| file.write_all(text.as_bytes())) {
        tracing::warn!(%error, dir = %dir.display(), name, "cannot write");
    }
}

/// A feature file of NFD's `local` source. It expires after three looks that did not come: a dead
/// agent's labels age out, and a restart leaves no gap.
fn features(
    report: &NodeReport,
    settings: &Settings,
    now: Timestamp,
    interval: Duration,
) -> String {
    let expiry = now.checked_add(interval * 3).unwrap_or(now);
    let mut text = format!("# +expiry-time={}\n", expiry.strftime("%Y-%m-%dT%H:%M:%SZ"));
    // NFD would write it beside the agent, which reads it from the Node; here it is not known.
    let compute = settings.key(label::COMPUTE);
    let labels = labels_under(&settings.prefix, report);
    for (key, value) in labels.into_iter().filter(|(key, _)| *key != compute) {
        writeln!(text, "{key}={value}").expect("a String takes everything");
    }
    text
}
