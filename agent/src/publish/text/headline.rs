//! The answer, in the first line.

use super::View;
use super::layout::{HEADING, Page, Word, styled};
use crate::judge::NodeReport;
use crate::judge::report::{CiliumVerdict, Finding, Outcome, Severity, Ternary};

/// The verdict on the target release, and on what `--require` asked.
pub(super) fn headline(page: &mut Page, report: &NodeReport, view: &View) {
    let cilium = &report.verdict.cilium;
    page.item("", &line(cilium.capable, &sentence(cilium, &report.verdict.findings)));
    if let Some((what, holds)) = &view.required {
        page.item("", &line(*holds, &format!("{what}, which --require asks for")));
    }
}

fn line(answer: Ternary, sentence: &str) -> String {
    let Word(_, style) = answer.into();
    let word = match answer {
        Ternary::Yes => "YES",
        Ternary::No => "NO",
        Ternary::Unknown => "COULD NOT TELL",
    };
    format!("{}  {}", styled(style.bold(), word), styled(HEADING, sentence))
}

fn sentence(cilium: &CiliumVerdict, findings: &[Finding]) -> String {
    let target = cilium.target;
    let count = |outcome| findings.iter().filter(|it| blocks(it) && it.outcome == outcome).count();
    match cilium.capable {
        Ternary::Yes => format!("Cilium {target} can run on this node"),
        Ternary::No => match count(Outcome::Fail) {
            0 => format!("Cilium {target} cannot run on this node"),
            1 => format!("Cilium {target} cannot run on this node: 1 thing is in the way"),
            many => {
                format!("Cilium {target} cannot run on this node: {many} things are in the way")
            }
        },
        Ternary::Unknown => match count(Outcome::Undetermined) {
            0 => format!("whether Cilium {target} can run on this node"),
            1 => format!("whether Cilium {target} can run on this node: 1 question is open"),
            many => {
                format!("whether Cilium {target} can run on this node: {many} questions are open")
            }
        },
    }
}

/// Whether a finding decides about the target release.
pub(super) fn blocks(finding: &Finding) -> bool {
    finding.severity == Severity::Blocking
}
