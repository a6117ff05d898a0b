//! What is in the way, and what is worth knowing.

use super::headline::blocks;
use super::layout::{ASIDE, NO, Page, UNKNOWN, Word, YES, styled};
use crate::judge::NodeReport;
use crate::judge::report::{Finding, Outcome};

/// Findings that keep the target release from starting.
pub(super) fn in_the_way(page: &mut Page, report: &NodeReport) {
    let blockers = failed(report).filter(|it| blocks(it));
    section(page, &format!("In the way of Cilium {}", report.verdict.cilium.target), blockers);
}

/// Findings that matter less than a start.
pub(super) fn warnings(page: &mut Page, report: &NodeReport) {
    section(page, "Warnings", failed(report).filter(|it| !blocks(it)));
}

/// What the given Cilium values ask of this node, worst first, each with its value.
pub(super) fn values(page: &mut Page, report: &NodeReport) {
    let cilium = &report.verdict.cilium;
    let mut values: Vec<&Finding> = cilium.values.iter().collect();
    values.sort_by_key(|it| rank(it.outcome));
    section(page, "What the given Cilium values ask", values.into_iter());
    if !cilium.values_not_judged.is_empty() {
        let names = cilium.values_not_judged.join(", ");
        page.item("  ", &styled(ASIDE, &format!("not judged by this version: {names}")));
    }
}

fn failed(report: &NodeReport) -> impl Iterator<Item = &Finding> {
    report.verdict.findings.iter().filter(|it| it.outcome == Outcome::Fail)
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::Undetermined => 1,
        Outcome::Pass => 2,
        Outcome::NotApplicable => 3,
    }
}

fn section<'a>(page: &mut Page, heading: &str, findings: impl Iterator<Item = &'a Finding>) {
    let mut findings = findings.peekable();
    if findings.peek().is_some() {
        page.heading(heading);
    }
    findings.for_each(|it| finding(page, it));
}

fn finding(page: &mut Page, finding: &Finding) {
    let Word(word, style) = word(finding);
    let value = finding.value.as_deref().map(|it| format!("{it}: ")).unwrap_or_default();
    let rule = styled(ASIDE, &format!("[{}]", finding.rule));
    let lead = format!("  {}", styled(style, word));
    page.row([&lead], [11], &format!("{value}{} {rule}", finding.message));
    if finding.outcome == Outcome::Pass {
        return;
    }
    for evidence in &finding.evidence {
        page.item("           because  ", evidence);
    }
    if !finding.remedy.is_empty() {
        page.item("           do       ", &finding.remedy);
    }
}

fn word(finding: &Finding) -> Word {
    match finding.outcome {
        Outcome::Fail if blocks(finding) => Word("blocks", NO),
        Outcome::Fail => Word("warning", UNKNOWN),
        Outcome::Undetermined => Word("unknown", UNKNOWN),
        Outcome::Pass => Word("ok", YES),
        Outcome::NotApplicable => Word("n/a", ASIDE),
    }
}
