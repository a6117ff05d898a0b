//! The compatibility table: every feature of the target release, what does not work first.

use super::layout::{ASIDE, HEADING, Page, Word, first_of, styled};
use crate::judge::NodeReport;
use crate::judge::reason::Reason;
use crate::judge::report::{FeatureStatus, FeatureVerdict};

/// Features that are told together: what is open for the same reason, and what does not work for
/// the very same one.
struct Row<'a> {
    status: FeatureStatus,
    reason: Reason,
    titles: Vec<&'a str>,
    why: String,
}

/// Status, feature, and why.
pub(super) fn table(page: &mut Page, report: &NodeReport) {
    let cilium = &report.verdict.cilium;
    if cilium.features.is_empty() {
        return;
    }
    page.heading(&format!("Features of Cilium {}", cilium.target));
    let mut features: Vec<(&String, &FeatureVerdict)> = cilium.features.iter().collect();
    features.sort_by_key(|(name, it)| (rank(it.status), title(name, it).to_lowercase()));
    for row in rows(&features) {
        page.row([&format!("  {}", Word::from(row.status).styled())], [11], &line(&row));
    }
}

fn rows<'a>(features: &[(&'a String, &'a FeatureVerdict)]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (name, feature) in features {
        let FeatureVerdict { status, reason, .. } = **feature;
        let (title, why) = (title(name, feature), why(feature));
        let same = |it: &&mut Row<'_>| match status {
            FeatureStatus::Supported => false,
            FeatureStatus::Unsupported => it.status == status && it.why == why,
            FeatureStatus::Unknown => it.status == status && it.reason == reason,
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.titles.push(title),
            None => rows.push(Row { status, reason, titles: vec![title], why }),
        }
    }
    rows
}

fn line(row: &Row<'_>) -> String {
    let titles = styled(HEADING, &row.titles.join(", "));
    let why = match (row.status, row.titles.len()) {
        (FeatureStatus::Supported, _) => styled(ASIDE, &row.why),
        (FeatureStatus::Unknown, 2..) => {
            format!("{}. {}: {}", row.reason, row.titles[0], row.why)
        }
        _ => row.why.clone(),
    };
    if row.why.is_empty() { titles } else { format!("{titles}: {why}") }
}

fn rank(status: FeatureStatus) -> u8 {
    match status {
        FeatureStatus::Unsupported => 0,
        FeatureStatus::Unknown => 1,
        FeatureStatus::Supported => 2,
    }
}

fn title<'a>(name: &'a str, feature: &'a FeatureVerdict) -> &'a str {
    if feature.title.is_empty() { name } else { &feature.title }
}

/// For a yes what limits it; for the rest what it rests on.
fn why(feature: &FeatureVerdict) -> String {
    let sentences = match feature.status {
        FeatureStatus::Supported => &feature.caveats,
        FeatureStatus::Unsupported | FeatureStatus::Unknown => &feature.evidence,
    };
    match (first_of(sentences), feature.reason) {
        (Some(first), _) => first,
        (None, Reason::Supported | Reason::Satisfied) => String::new(),
        (None, reason) => reason.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(status: FeatureStatus, reason: Reason, evidence: &str) -> FeatureVerdict {
        FeatureVerdict {
            status,
            reason,
            evidence: vec![evidence.to_owned()],
            title: String::new(),
            kernel: String::new(),
            caveats: Vec::new(),
        }
    }

    #[test]
    fn what_is_open_for_one_reason_is_one_row_and_what_works_has_its_own() {
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let open = |evidence| feature(FeatureStatus::Unknown, Reason::PermissionDenied, evidence);
        let yes = feature(FeatureStatus::Supported, Reason::Supported, "it ran");
        let no = feature(FeatureStatus::Unsupported, Reason::NotInKernel, "no such type");
        let all = [&open("x"), &open("y"), &yes, &yes, &no];
        let features: Vec<_> = names.iter().zip(all).collect();
        let titles: Vec<Vec<&str>> = rows(&features).into_iter().map(|it| it.titles).collect();
        assert_eq!(titles, [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e"]]);
    }
}
