//! What is in the way, what could not be told, and which sources failed.

use maud::{Markup, html};

use super::badge;
use crate::facts::SourceRun;
use crate::judge::NodeReport;
use crate::judge::report::{Finding, Outcome, Severity};
use crate::publish::words::Words as _;

pub(super) fn section(report: &NodeReport) -> Markup {
    let verdict = &report.verdict;
    let all: Vec<&Finding> = verdict.findings.iter().chain(&verdict.cilium.values).collect();
    let of = |outcome: Outcome, is_blocking: bool| {
        let is_meant = move |it: &&Finding| {
            it.outcome == outcome && (it.severity == Severity::Blocking) == is_blocking
        };
        all.iter().copied().filter(is_meant).collect::<Vec<_>>()
    };
    let mut open = of(Outcome::Fail, true);
    open.extend(of(Outcome::Undetermined, true));
    let mut rest = of(Outcome::Fail, false);
    rest.extend(of(Outcome::Undetermined, false));
    let passed = all.iter().filter(|it| it.outcome == Outcome::Pass).count();
    html! {
        section {
            h2 { "In the way" }
            @if open.is_empty() { p { "Nothing stands in Cilium's way here." } }
            (list(&open))
            @if !rest.is_empty() {
                h2 { "Worth knowing" }
                (list(&rest))
            }
            p.quiet { (passed) " of " (all.len()) " rules hold." }
        }
    }
}

fn list(findings: &[&Finding]) -> Markup {
    html! {
        @if !findings.is_empty() {
            ul.list { @for it in findings { li { (one(it)) } } }
        }
    }
}

/// Red is for what is in the way; `bpfready check` says warning to the rest as well.
fn mark(finding: &Finding) -> Markup {
    match (finding.outcome, finding.severity) {
        (Outcome::Fail, Severity::Degraded | Severity::Advisory) => {
            html! { span.badge.fair { "warning" } }
        }
        (outcome, _) => badge(outcome),
    }
}

fn one(finding: &Finding) -> Markup {
    html! {
        p {
            (mark(finding)) " " strong { (finding.message) } " "
            span.quiet { (finding.severity.word()) ", " code { (finding.rule) } }
        }
        @if !finding.remedy.is_empty() { p.remedy { (finding.remedy) } }
        (evidence(&finding.evidence))
    }
}

pub(super) fn evidence(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            ul.evidence { @for it in sentences { li { (it) } } }
        }
    }
}

pub(super) fn sources(runs: &[SourceRun]) -> Markup {
    let failed = runs.iter().filter(|it| it.failure.is_some()).count();
    html! {
        section {
            h2 { "Sources" }
            details open[failed > 0] {
                summary { (runs.len()) " sources, " (failed) " of them not readable" }
                div.scroll { table {
                    thead { tr { th { "source" } th { "milliseconds" } th { "failure" } } }
                    tbody {
                        @for run in runs { tr {
                            td { code { (run.source) } }
                            td.number { (format!("{:.1}", run.duration_seconds * 1000.0)) }
                            td {
                                @if let Some(it) = &run.failure { (it.cause.as_str()) ": " (it.detail) }
                            }
                        } }
                    }
                } }
            }
        }
    }
}
