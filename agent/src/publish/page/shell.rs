//! What every page has around its content.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::style::STYLE;

/// A whole page: title, content, links at its foot.
pub fn shell(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer { nav aria-label="Other forms" { (links()) } }
            }
        }
    };
    page.into_string()
}

/// What agent and controller serve beside their page.
fn links() -> Markup {
    html! {
        a href="/metrics" { "metrics" }
        a href="/report" { "report (JSON)" }
        a href="/healthz" { "health" }
        a href="/readyz" { "readiness" }
    }
}

/// Seconds since the Unix epoch as a time of day in UTC.
pub fn time(seconds: u64) -> Markup {
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|it| k8s_openapi::jiff::Timestamp::from_second(it).ok());
    html! {
        @match moment {
            Some(it) => { time datetime=(it) { (it.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
            None => { "an unknown time" }
        }
    }
}
