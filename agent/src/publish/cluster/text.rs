//! A cluster's report for a person: what to do first, then the matrix, then everything else.
//!
//! The text carries ANSI styles; whoever writes it strips them where they are not wanted.

use textwrap::core::display_width;

use super::cells::{self, Table};
use super::words;
use crate::judge::ClusterReport;
use crate::judge::cluster::findings::ClusterFinding;
use crate::publish::text::layout::{ASIDE, HEADING, NO, Page, UNKNOWN, styled};

/// The report as text; `columns`: of the reader's terminal.
pub fn render(report: &ClusterReport, columns: usize) -> String {
    let mut page = Page::new(columns.clamp(40, 140));
    headline(&mut page, report);
    page.heading("Compatibility");
    if let Some(sentence) = words::no_rows(report) {
        page.item("  ", sentence);
    } else {
        table(&mut page, &cells::matrix(report));
        page.heading(&format!("What works now (and what Cilium {} could do)", report.target));
        table(&mut page, &cells::works(report));
    }
    fargate(&mut page, report);
    if !report.node_pools.is_empty() {
        page.heading("NodePools");
        table(&mut page, &cells::pools(report));
    }
    findings(&mut page, report);
    if !report.startup.is_empty() {
        page.heading("Start-up times");
        table(&mut page, &cells::startup(report));
    }
    page.into_text()
}

fn headline(page: &mut Page, report: &ClusterReport) {
    page.item("", &words::subject(report));
    let recommendation = &report.recommendation;
    let action = styled(HEADING, &words::recommended(recommendation));
    page.item("Recommendation: ", &format!("{action}: {}", recommendation.why));
    for line in &report.decision.warning {
        page.item("  ", &styled(UNKNOWN, line));
    }
    for (number, step) in recommendation.steps.iter().enumerate() {
        page.item(&format!("  {}. ", number + 1), &step.title);
        for command in &step.commands {
            page.verbatim(&format!("       {}", styled(ASIDE, command)));
        }
    }
}

fn fargate(page: &mut Page, report: &ClusterReport) {
    let Some(sentence) = words::fargate(report) else { return };
    page.heading("Fargate");
    page.item("  ", &sentence);
    let head = ["namespace", "profile", "phase", "pods"].map(str::to_owned).to_vec();
    let rows = report.fargate.pods.iter().map(|it| {
        vec![
            it.namespace.to_string(),
            it.profile.to_string(),
            it.phase.to_string(),
            it.pods.to_string(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        table(page, &Table { head, rows });
    }
}

fn findings(page: &mut Page, report: &ClusterReport) {
    let open = words::open(report);
    page.heading("Findings");
    if open.is_empty() {
        page.item("  ", "none");
    }
    for finding in open {
        one(page, finding);
    }
    if let Some(sentence) = words::unasked(report) {
        page.item(&format!("  {}  ", styled(UNKNOWN, "unknown")), &sentence);
    }
}

fn one(page: &mut Page, finding: &ClusterFinding) {
    let mark = words::mark(finding);
    let style = match mark {
        "error" => NO,
        "info" => ASIDE,
        _ => UNKNOWN,
    };
    let rule = styled(ASIDE, &format!("({})", finding.rule));
    let mark = format!("{}{}", styled(style, mark), " ".repeat(9 - display_width(mark)));
    page.item(&format!("  {mark}"), &format!("{} {rule}", finding.message));
    const INSIDE: &str = "           ";
    if let Some(objects) = words::objects(finding) {
        page.item(INSIDE, &objects);
    }
    for sentence in finding.evidence.iter().take(5) {
        page.item(&format!("{INSIDE}- "), sentence);
    }
    if !finding.remedy.is_empty() {
        page.item(INSIDE, &format!("{} {}", styled(HEADING, "→"), finding.remedy));
    }
}

/// Columns side by side where they fit, else one block a row.
fn table(page: &mut Page, table: &Table) {
    let width_of = |column: usize| {
        let cells = table.rows.iter().map(|it| &it[column]).chain([&table.head[column]]);
        cells.map(|it| display_width(it)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.head.len()).map(width_of).collect();
    let width: usize = widths.iter().map(|it| it + 2).sum();
    if width > page.columns() {
        return blocks(page, table);
    }
    page.verbatim(&styled(ASIDE, &line(&table.head, &widths)));
    for row in &table.rows {
        page.verbatim(&line(row, &widths));
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| {
        format!("  {cell}{}", " ".repeat(width.saturating_sub(display_width(cell))))
    });
    padded.collect::<String>().trim_end().to_owned()
}

fn blocks(page: &mut Page, table: &Table) {
    for row in &table.rows {
        let cells = table.head.iter().zip(row).skip(1);
        let named = cells.map(|(head, cell)| match head.is_empty() {
            true => cell.clone(),
            false => format!("{head}: {cell}"),
        });
        page.item(&format!("  {}  ", row[0]), &named.collect::<Vec<_>>().join("; "));
    }
}
