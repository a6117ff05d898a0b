//! What the agent serves.

use std::sync::Arc;

use bytes::Bytes;

use super::Shared;
use super::latest::encoded;
use crate::publish::prometheus::{Form, Samples, document, part};
use crate::publish::serve::route::Content;
use crate::publish::serve::{Answer, Route};

/// Before the first look has ended.
const NOT_YET: &str = "the first look at this node has not ended yet";
const BROKEN: &str =
    "this answer could not be made; please report this (the agent's log says more)";
const STALE: &str = "a look at this node hangs";

/// The paths of the agent.
pub(super) fn routes(shared: &Arc<Shared>) -> Vec<Route> {
    let [metrics, report, page, alive, ready] = std::array::from_fn(|_| Arc::clone(shared));
    vec![
        Route::new("/metrics", move |wish| metrics_in(wish.form(), &metrics)),
        Route::new("/report", move |_| {
            packed("application/json", report.latest.get().map(|it| it.json.clone()))
        }),
        Route::new("/", move |_| {
            packed("text/html; charset=utf-8", page.latest.get().map(|it| it.page.clone()))
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

/// The latest report's metrics and the agent's own. Half of them would look like a node of which
/// less is known, so it is all or an error.
fn metrics_in(form: Form, shared: &Shared) -> Answer {
    let Some(own) = encoded("the agent's own metrics", part(own(shared))) else {
        return Answer::line(500, BROKEN);
    };
    let text = match shared.latest.get() {
        Some(it) => match &it.metrics {
            Some(of_report) => document(form, &[of_report, &own]),
            None => return Answer::line(500, BROKEN),
        },
        None => document(form, &[&own]),
    };
    Answer::ok(form.content_type(), Content::Plain(text.into()))
}

/// A part of the latest report; the outer `None`: there is none yet.
fn packed(content_type: &'static str, content: Option<Option<Bytes>>) -> Answer {
    match content {
        Some(Some(bytes)) => Answer::ok(content_type, Content::Gzipped(bytes)),
        Some(None) => Answer::line(500, BROKEN),
        None => Answer::line(503, NOT_YET),
    }
}

/// The agent's own metrics, as they are now.
fn own(shared: &Shared) -> Samples {
    let mut samples = Samples::default();
    shared.latest.sample(&mut samples);
    shared.tally.sample(&mut samples);
    shared.stats.sample(&mut samples);
    shared.supervisor.sample(&mut samples);
    shared.process.sample(&mut samples);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_could_not_be_made_is_an_error_and_not_empty() {
        assert_eq!(packed("a/b", None).status, 503);
        assert_eq!(packed("a/b", Some(None)).status, 500);
        assert_eq!(packed("a/b", Some(Some(Bytes::from("x")))).status, 200);
    }
}
