//! The controller's page: the recommendation, the matrix and the findings, for people. In the same
//! dress as the agents' page.

use maud::{Markup, html};

use super::cells::{self, Table};
use super::words;
use crate::judge::ClusterReport;
use crate::judge::cluster::findings::ClusterFinding;
use crate::judge::cluster::recommendation::Action;
use crate::publish::page::{shell, time};

/// The page.
pub fn render(report: &ClusterReport) -> String {
    let body = html! {
        header {
            h1 { "This cluster" }
            p.answer { (badge(action(report), &words::recommended(&report.recommendation))) " " (report.recommendation.why) "." }
            p.quiet { (words::subject(report)) ". Looked at " (time(report.taken_at_seconds)) "." }
        }
        @for line in &report.decision.warning { p.remedy { (line) } }
        @if !report.recommendation.steps.is_empty() { (steps(report)) }
        @if let Some(sentence) = words::no_rows(report) { p { (sentence) } } @else {
            (section("Compatibility", &cells::matrix(report)))
            (section(&format!("What works now (and what Cilium {} could do)", report.target), &cells::works(report)))
        }
        @if let Some(sentence) = words::fargate(report) { h2 { "Fargate" } p { (sentence) } }
        @if !report.node_pools.is_empty() { (section("NodePools", &cells::pools(report))) }
        (findings(report))
        @if !report.startup.is_empty() { (section("Start-up times", &cells::startup(report))) }
    };
    shell("this cluster · bpfready", &body)
}

/// Blocked is what one has to do something about; the rest are ways to go.
fn action(report: &ClusterReport) -> &'static str {
    match report.recommendation.action {
        Action::Blocked => "bad",
        Action::EnableCilium | Action::MigrateNodeByNode => "good",
        Action::Keep => "plain",
    }
}

fn badge(class: &str, words: &str) -> Markup {
    html! { span.badge.(class) { (words) } }
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

/// A table whose rows are paragraphs where the screen is narrow.
fn section(title: &str, table: &Table) -> Markup {
    html! {
        section {
            h2 { (title) }
            div.scroll {
                table.rows {
                    thead { tr { @for head in &table.head { th scope="col" { (head) } } } }
                    tbody { @for row in &table.rows { (line(&table.head, row)) } }
                }
            }
        }
    }
}

fn line(head: &[String], row: &[String]) -> Markup {
    html! {
        tr {
            @for (nth, (head, cell)) in head.iter().zip(row).enumerate() {
                @if nth == 0 { th scope="row" { (cell) } }
                @else { td data-head=(head) { (answers(cell)) } }
            }
        }
    }
}

/// `yes 3, unknown 1`, each answer in the colour of what it means.
fn answers(cell: &str) -> Markup {
    html! {
        @for (nth, part) in cell.split(", ").enumerate() {
            @if nth > 0 { ", " }
            @let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
            @match meaning(word) {
                Some(class) => { (badge(class, word)) @if !rest.is_empty() { " " (rest) } }
                None => (part),
            }
        }
    }
}

/// The class of an answer; `None`: it is a name or a number.
fn meaning(word: &str) -> Option<&'static str> {
    match word {
        "yes" | "full" => Some("good"),
        "no" => Some("bad"),
        "partial" => Some("fair"),
        "unknown" => Some("unknown"),
        _ => None,
    }
}

fn findings(report: &ClusterReport) -> Markup {
    let open = words::open(report);
    html! {
        section {
            h2 { "Findings" }
            @if open.is_empty() { p { "None." } }
            ul.list {
                @for finding in open { li { (one(finding)) } }
                @if let Some(sentence) = words::unasked(report) { li { p { (badge("unknown", "unknown")) " " (sentence) } } }
            }
        }
    }
}

fn one(finding: &ClusterFinding) -> Markup {
    let mark = words::mark(finding);
    let class = match mark {
        "error" => "bad",
        "warning" => "fair",
        other => other,
    };
    html! {
        p { (badge(class, mark)) " " strong { (finding.message) } " " span.quiet { code { (finding.rule) } } }
        @if let Some(objects) = words::objects(finding) { p.quiet { (objects) } }
        @if !finding.remedy.is_empty() { p.remedy { (finding.remedy) } }
        @if !finding.evidence.is_empty() {
            ul.evidence { @for sentence in finding.evidence.iter().take(5) { li { (sentence) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_a_cell_has_its_colour_and_names_have_none() {
        let text = answers("yes 3, unknown 1").into_string();
        assert_eq!(
            text,
            "<span class=\"badge good\">yes</span> 3, <span class=\"badge unknown\">unknown</span> 1"
        );
        assert_eq!(answers("aws-vpc-cni 2, cilium 1").into_string(), "aws-vpc-cni 2, cilium 1");
        assert_eq!(answers("no (yes)").into_string(), "<span class=\"badge bad\">no</span> (yes)");
        assert_eq!(answers("6.1–6.12").into_string(), "6.1–6.12");
    }

    /// Names come from objects that anybody with rights in the cluster may have made.
    #[test]
    fn what_others_wrote_is_text() {
        let table = Table { head: vec!["<b>".into()], rows: vec![vec!["<script>".into()]] };
        let text = section("x", &table).into_string();
        assert!(!text.contains("<script>") && !text.contains("<b>"), "{text}");
    }
}
