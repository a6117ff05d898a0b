//! What the agent serves.

use std::sync::Arc;

use super::Shared;
use crate::publish::prometheus::{Samples, document, part};
use crate::publish::serve::route::Content;
use crate::publish::serve::{Answer, Route};

/// Before the first look has ended.
const NOT_YET: &str = "the first look at this node has not ended yet";
const STALE: &str = "a look at this node hangs";

/// The paths of the agent.
pub(super) fn routes(shared: &Arc<Shared>) -> Vec<Route> {
    let [metrics, report, page, alive, ready] = std::array::from_fn(|_| Arc::clone(shared));
    vec![
        Route::new("/metrics", move |wish| {
            let form = wish.form();
            let text = match metrics.latest.get() {
                Some(it) => document(form, &[&it.metrics, &own(&metrics)]),
                None => document(form, &[&own(&metrics)]),
            };
            Answer::ok(form.content_type(), Content::Plain(text.into()))
        }),
        Route::new("/report", move |_| match report.latest.get() {
            Some(it) => Answer::ok("application/json", Content::Gzipped(it.json.clone())),
            None => Answer::line(503, NOT_YET),
        }),
        Route::new("/", move |_| match page.latest.get() {
            Some(it) => Answer::ok("text/html; charset=utf-8", Content::Gzipped(it.page.clone())),
            None => Answer::line(503, NOT_YET),
        }),
        Route::new("/healthz", move |_| match alive.latest.is_alive() {
            true => Answer::line(200, "ok"),
            false => Answer::line(503, STALE),
        })
        .open(),
        // Whether the API server answers is no part of it: metrics are served without.
        Route::new("/readyz", move |_| match ready.latest.get() {
            Some(_) => Answer::line(200, "ok"),
            None => Answer::line(503, NOT_YET),
        })
        .open(),
    ]
}

/// The agent's own metrics, as they are now.
fn own(shared: &Shared) -> String {
    let mut samples = Samples::default();
    shared.latest.sample(&mut samples);
    shared.tally.sample(&mut samples);
    shared.stats.sample(&mut samples);
    shared.supervisor.sample(&mut samples);
    shared.process.sample(&mut samples);
    // Writing to a string does not fail.
    part(samples).unwrap_or_default()
}
