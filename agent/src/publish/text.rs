//! A report for a person: verdict first.

use std::fmt::Write;

use crate::facts::Facts;
use crate::judge::NodeReport;
use crate::judge::report::{Extent, Ternary, Verdict};

/// The report as text with ANSI styles; the writer strips them where they are not wanted.
pub fn render(report: &NodeReport) -> String {
    let mut text = String::new();
    let Verdict { ebpf, cilium, .. } = &report.verdict;
    // Writing to a String never fails.
    let _ = writeln!(text, "{}", node(&report.facts));
    let _ = writeln!(text, "eBPF {}", extent(ebpf.status));
    let _ = writeln!(text, "Cilium {} {}", cilium.target, ternary(cilium.capable));
    text
}

fn node(facts: &Facts) -> String {
    let kernel = facts.kernel.uname.known().map_or("unknown", |it| it.release.as_str());
    let os = facts.kernel.os.known().and_then(Option::as_ref);
    format!("Linux {kernel}, {}", os.map_or("unknown system", |it| it.pretty_name.as_str()))
}

fn extent(extent: Extent) -> &'static str {
    match extent {
        Extent::Full => "full",
        Extent::Partial => "partial",
        Extent::None => "none",
        Extent::Unknown => "unknown",
    }
}

fn ternary(ternary: Ternary) -> &'static str {
    match ternary {
        Ternary::Yes => "yes",
        Ternary::No => "no",
        Ternary::Unknown => "could not tell",
    }
}
