//! What the controller serves.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use crate::publish::names::cluster as names;
use crate::publish::prometheus::{Form, Samples, document, part};
use crate::publish::serve::route::Content;
use crate::publish::serve::{Answer, Route};

/// Before the first judgement.
const NOT_YET: &str = "the first look at this cluster has not ended yet";
const BROKEN: &str = "this answer could not be made; please report this (the log says more)";

/// The paths of the controller.
pub(super) fn routes(shared: &Arc<Shared>) -> Vec<Route> {
    let [metrics, report, page, ready] = std::array::from_fn(|_| Arc::clone(shared));
    vec![
        Route::new("/metrics", move |wish| {
            let form = wish.form();
            match all_metrics(form, &metrics) {
                Ok(text) => Answer::ok(form.content_type(), Content::Plain(text.into())),
                Err(error) => {
                    tracing::error!(%error, "cannot encode the metrics. Please report this");
                    Answer::line(500, BROKEN)
                }
            }
        }),
        Route::new("/report", move |_| match report.latest.get() {
            Some(it) => Answer::ok("application/json", Content::Gzipped(it.json.clone())),
            None => Answer::line(503, NOT_YET),
        }),
        Route::new("/", move |_| match page.latest.get() {
            Some(it) => Answer::ok("text/html; charset=utf-8", Content::Gzipped(it.page.clone())),
            None => Answer::line(503, NOT_YET),
        }),
        Route::new("/healthz", |_| Answer::line(200, "ok")).open(),
        Route::new("/readyz", move |_| match ready.latest.get() {
            Some(_) => Answer::line(200, "ok"),
            None => Answer::line(503, NOT_YET),
        })
        .open(),
    ]
}

/// The latest report's metrics and the controller's own: all of them, or an error.
fn all_metrics(form: Form, shared: &Shared) -> Result<String, fmt::Error> {
    let own = part(own(shared))?;
    // What all replicas know alike is told once, so that sums are right.
    Ok(match shared.latest.get().filter(|_| *shared.leads.borrow()) {
        Some(it) => document(form, &[&it.metrics, &shared.starts.part()?, &own]),
        None => document(form, &[&own]),
    })
}

/// The controller's own metrics, as they are now.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn own(shared: &Shared) -> Samples {
    let mut samples = Samples::default();
    samples.put(names::LEADER, &[], if *shared.leads.borrow() { 1.0 } else { 0.0 });
    if let Some(it) = shared.latest.get() {
        samples.put(names::JUDGE_DURATION, &[], it.took.as_secs_f64());
        samples.put(names::PENDING, &[], it.pending as f64);
    }
    for ((kind, ended), count) in shared.sent.counts() {
        samples.put(names::WRITES, &[kind, ended.as_str()], count as f64);
    }
    samples.put(names::READS, &[], shared.reader.requests().0 as f64);
    if let Some(bytes) = resident() {
        samples.put(names::MEMORY, &[], bytes as f64);
    }
    samples
}

/// Resident memory of this process (proc_pid_status(5), `VmRSS`).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
