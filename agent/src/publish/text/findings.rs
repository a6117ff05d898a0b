//! What is in the way, and what is worth knowing.

use super::headline::blocks;
use super::layout::{ASIDE, NO, Page, UNKNOWN, Word, YES, clipped, styled};
use crate::judge::NodeReport;
use crate::judge::report::{Finding, Outcome};

/// Most evidence of one finding.
const MOST_EVIDENCE: usize = 5;

/// Most open questions that are told one by one; a process without rights has dozens.
const MOST_OPEN: usize = 3;

/// Findings that keep the target release from starting, and open ones that may.
pub(super) fn in_the_way(page: &mut Page, report: &NodeReport) {
    let target = report.verdict.cilium.target;
    let blockers = failed(report).filter(|it| blocks(it));
    section(page, &format!("In the way of Cilium {target}"), blockers);
    let open = || report.verdict.findings.iter().filter(|it| it.outcome == Outcome::Undetermined);
    let deciding = open().filter(|it| blocks(it));
    section(page, &format!("Open, and decides about Cilium {target}"), deciding.take(MOST_OPEN));
    let more = open().filter(|it| blocks(it)).count().saturating_sub(MOST_OPEN);
    if more > 0 {
        page.item("           ", &format!("and {more} more: see below, or `-o json`"));
    }
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
    let value = finding.value.as_deref().filter(|it| !finding.message.starts_with(it));
    let value = value.map(|it| format!("{it}: ")).unwrap_or_default();
    let rule = styled(ASIDE, &format!("[{}]", finding.rule));
    let lead = format!("  {}", styled(style, word));
    page.row([&lead], [11], &format!("{value}{} {rule}", finding.message));
    if finding.outcome == Outcome::Pass {
        return;
    }
    let (shown, more) = finding.evidence.split_at(finding.evidence.len().min(MOST_EVIDENCE));
    for evidence in shown {
        page.item("           because  ", &clipped(evidence));
    }
    if !more.is_empty() {
        page.item("           ", &format!("and {} more: see `-o json`", more.len()));
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
