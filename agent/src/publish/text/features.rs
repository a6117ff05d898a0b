//! The compatibility table: every feature of the target release.

use super::layout::{ASIDE, Page, Word, styled};
use crate::judge::NodeReport;
use crate::judge::reason::Reason;
use crate::judge::report::{FeatureStatus, FeatureVerdict};

const STATUS: usize = 9;

/// Feature, status, and why.
pub(super) fn table(page: &mut Page, report: &NodeReport) {
    let cilium = &report.verdict.cilium;
    if cilium.features.is_empty() {
        return;
    }
    page.heading(&format!("Features of Cilium {}", cilium.target));
    let name = |(name, it): (&String, &FeatureVerdict)| label(name, it).chars().count();
    let widest = cilium.features.iter().map(name).max().unwrap_or(0);
    for (name, feature) in &cilium.features {
        let title = format!("  {}", label(name, feature));
        let status = Word::from(feature.status).styled();
        page.row([&title, &status], [widest + 4, STATUS], &why(feature));
    }
}

fn label(name: &str, feature: &FeatureVerdict) -> String {
    if feature.title.is_empty() { name.to_owned() } else { feature.title.clone() }
}

/// For a yes what limits it; for the rest what it rests on.
fn why(feature: &FeatureVerdict) -> String {
    let sentences = match feature.status {
        FeatureStatus::Supported => feature.caveats.join("; "),
        FeatureStatus::Unsupported | FeatureStatus::Unknown => feature.evidence.join("; "),
    };
    match (sentences.is_empty(), feature.reason) {
        (false, _) if feature.status == FeatureStatus::Supported => styled(ASIDE, &sentences),
        (false, _) => sentences,
        (true, Reason::Supported | Reason::Satisfied) => String::new(),
        (true, reason) => reason.as_str().to_owned(),
    }
}
