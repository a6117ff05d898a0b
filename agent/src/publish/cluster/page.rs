//! The controller's page: the matrix and the findings, for people. No script, light and dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::cells::{self, Table};
use super::words;
use crate::judge::ClusterReport;
use crate::judge::cluster::findings::ClusterFinding;

const STYLE: &str = "
:root { color-scheme: light dark; --aside: #666; --line: #8884; --bad: #b3261e; --warn: #9a6700; --good: #1a7f37 }
@media (prefers-color-scheme: dark) { :root { --aside: #999; --bad: #f2b8b5; --warn: #e3b341; --good: #7ee787 } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; min-width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
th { color: var(--aside); font-weight: normal } td:first-child { font-weight: 600; white-space: nowrap }
.aside, code { color: var(--aside); overflow-wrap: anywhere } .error { color: var(--bad) } .warning, .unknown { color: var(--warn) }
@media (max-width: 40rem) {
  thead { display: none } tr, td { display: block } tr { border-bottom: 1px solid var(--line); padding: .5rem 0 }
  td { border: 0; padding: .1rem 0 } td:not(:first-child)::before { color: var(--aside); content: attr(data-head) ': ' }
}
.action { font-size: 1.2rem; font-weight: 600 } li { margin: .4rem 0 } pre { overflow-x: auto; white-space: pre-wrap }
";

/// The page.
pub fn render(report: &ClusterReport) -> String {
    let recommendation = &report.recommendation;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "bpfready: this cluster" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "This cluster" }
                p { (words::subject(report)) ". " a href="/report" { "Report (JSON)" } ", " a href="/metrics" { "metrics" } "." }
                p { span.action { (words::recommended(recommendation)) } ": " (recommendation.why) "." }
                @for line in &report.decision.warning { p.warning { (line) } }
                @if !recommendation.steps.is_empty() { (steps(report)) }
                @if let Some(sentence) = words::no_rows(report) { p.unknown { (sentence) } } @else {
                    (section("Compatibility", &cells::matrix(report)))
                    (section(&format!("What works now (and what Cilium {} could do)", report.target), &cells::works(report)))
                }
                @if let Some(sentence) = words::fargate(&report.fargate) { h2 { "Fargate" } p { (sentence) } }
                @if !report.node_pools.is_empty() { (section("NodePools", &cells::pools(report))) }
                (findings(report))
                @if !report.startup.is_empty() { (section("Start-up times", &cells::startup(report))) }
            }
        }
    };
    page.into_string()
}

fn steps(report: &ClusterReport) -> Markup {
    html! {
        ol {
            @for step in &report.recommendation.steps {
                li { (step.title) @for command in &step.commands { pre { code { (command) } } } }
            }
        }
    }
}

fn section(title: &str, table: &Table) -> Markup {
    html! {
        h2 { (title) }
        div.wide {
            table {
                thead { tr { @for cell in &table.head { th scope="col" { (cell) } } } }
                tbody { @for row in &table.rows { tr { @for (head, cell) in table.head.iter().zip(row) { td data-head=(head) { (cell) } } } } }
            }
        }
    }
}

fn findings(report: &ClusterReport) -> Markup {
    let open = words::open(report);
    html! {
        h2 { "Findings" }
        @if open.is_empty() { p { "None." } }
        ul {
            @for finding in open { (one(finding)) }
            @if let Some(sentence) = words::unasked(report) { li { strong.unknown { "unknown" } " " (sentence) } }
        }
    }
}

fn one(finding: &ClusterFinding) -> Markup {
    let mark = words::mark(finding);
    html! {
        li {
            strong class=(mark) { (mark) } " " (finding.message) " " code { (finding.rule) }
            @if let Some(objects) = words::objects(finding) { br; span.aside { (objects) } }
            @for sentence in finding.evidence.iter().take(5) { br; span.aside { (sentence) } }
            @if !finding.remedy.is_empty() { br; "→ " (finding.remedy) }
        }
    }
}
