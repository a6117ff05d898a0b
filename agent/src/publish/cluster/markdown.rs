//! A cluster's report as Markdown, for a ticket or a wiki: plain tables, no styles.

use std::fmt::{self, Write as _};

use super::cells::{self, Table};
use super::words;
use crate::judge::ClusterReport;

/// The report as Markdown.
///
/// # Errors
///
/// Never: writing to a string does not fail.
pub fn render(report: &ClusterReport) -> Result<String, fmt::Error> {
    let mut page = String::new();
    writeln!(page, "# Cluster report\n\n{}.\n", escaped(&words::subject(report)))?;
    recommendation(&mut page, report)?;
    writeln!(page, "\n## Compatibility\n")?;
    if let Some(sentence) = words::no_rows(report) {
        writeln!(page, "{sentence}")?;
    } else {
        table(&mut page, &cells::matrix(report))?;
        writeln!(page, "\n## What works now (and what Cilium {} could do)\n", report.target)?;
        table(&mut page, &cells::works(report))?;
    }
    if let Some(sentence) = words::fargate(report) {
        writeln!(page, "\n## Fargate\n\n{sentence}")?;
    }
    if !report.node_pools.is_empty() {
        writeln!(page, "\n## NodePools\n")?;
        table(&mut page, &cells::pools(report))?;
    }
    findings(&mut page, report)?;
    if !report.startup.is_empty() {
        writeln!(page, "\n## Start-up times\n")?;
        table(&mut page, &cells::startup(report))?;
    }
    Ok(page)
}

fn recommendation(page: &mut String, report: &ClusterReport) -> fmt::Result {
    let recommendation = &report.recommendation;
    let action = words::recommended(recommendation);
    writeln!(page, "**Recommendation: {action}.** {}.\n", escaped(&recommendation.why))?;
    for line in &report.decision.warning {
        writeln!(page, "> {}  ", escaped(line))?;
    }
    for (number, step) in recommendation.steps.iter().enumerate() {
        writeln!(page, "{}. {}", number + 1, escaped(&step.title))?;
        for command in &step.commands {
            writeln!(page, "\n   ```sh\n   {command}\n   ```")?;
        }
    }
    Ok(())
}

fn findings(page: &mut String, report: &ClusterReport) -> fmt::Result {
    writeln!(page, "\n## Findings\n")?;
    let open = words::open(report);
    if open.is_empty() {
        writeln!(page, "None.")?;
    }
    for finding in open {
        let (mark, rule) = (words::mark(finding), &finding.rule);
        writeln!(page, "- **{mark}** `{rule}`: {}", escaped(&finding.message))?;
        if let Some(objects) = words::objects(finding) {
            writeln!(page, "  - {}", escaped(&objects))?;
        }
        for sentence in finding.evidence.iter().take(5) {
            writeln!(page, "  - {}", escaped(sentence))?;
        }
        if !finding.remedy.is_empty() {
            writeln!(page, "  - Remedy: {}", escaped(&finding.remedy))?;
        }
    }
    if let Some(sentence) = words::unasked(report) {
        writeln!(page, "- **unknown**: {sentence}")?;
    }
    Ok(())
}

fn table(page: &mut String, table: &Table) -> fmt::Result {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|it| escaped(it)).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(page, "{}", row(&table.head))?;
    writeln!(page, "|{}", " --- |".repeat(table.head.len()))?;
    table.rows.iter().try_for_each(|cells| writeln!(page, "{}", row(cells)))
}

/// Names come from the cluster: none may end a cell or begin a tag.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '|' | '<' | '>' | '*' | '`' | '[' | ']' | '\\' => escaped.extend(['\\', it]),
            '&' => escaped.push_str("&amp;"),
            it if it.is_control() => escaped.push(' '),
            _ => escaped.push(it),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_the_cluster_stays_in_its_cell() {
        assert_eq!(escaped("a|b<script>"), "a\\|b\\<script\\>");
        assert_eq!(escaped("a\rb\nc\u{1b}[0m"), "a b c \\[0m", "each of them ends a line or more");
        assert_eq!(escaped("&lt;script>"), "&amp;lt;script\\>");
    }
}
