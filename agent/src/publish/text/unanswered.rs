//! What could not be told, and what would tell it.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{ASIDE, Page, UNKNOWN, styled};
use crate::facts::privilege::{Privilege, Rung};
use crate::judge::NodeReport;
use crate::judge::reason::Reason;
use crate::judge::report::{FeatureStatus, Outcome};

/// Open questions by their reason, each reason with what would settle it.
pub(super) fn unanswered(page: &mut Page, report: &NodeReport) {
    let open = open_questions(report);
    if open.is_empty() {
        return;
    }
    page.heading("Could not tell");
    for (reason, questions) in &open {
        let names: Vec<&str> = questions.iter().copied().collect();
        page.item("  ", &format!("{}: {}", styled(UNKNOWN, reason.as_str()), names.join(", ")));
        if let Some(remedy) = what_would_tell(*reason, report) {
            page.item("    ", &styled(ASIDE, remedy));
        }
    }
}

fn open_questions(report: &NodeReport) -> BTreeMap<Reason, BTreeSet<&str>> {
    let verdict = &report.verdict;
    let mut open: BTreeMap<Reason, BTreeSet<&str>> = BTreeMap::new();
    for finding in verdict.findings.iter().filter(|it| it.outcome == Outcome::Undetermined) {
        open.entry(finding.reason).or_default().insert(&finding.rule);
    }
    for (name, feature) in &verdict.cilium.features {
        if feature.status == FeatureStatus::Unknown {
            open.entry(feature.reason).or_default().insert(name);
        }
    }
    open
}

/// The right or the step that would answer a question that is open for this reason.
fn what_would_tell(reason: Reason, report: &NodeReport) -> Option<&'static str> {
    let rung = report.facts.privilege.known().map_or(Rung::None, Privilege::rung);
    match (reason, rung) {
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::None) => {
            Some("ask as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN")
        }
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::Bpf | Rung::NetRaw) => {
            Some("ask with CAP_SYS_ADMIN as well")
        }
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::SysAdmin) => Some(
            "every capability is there: a sandbox, an LSM or lockdown refuses; ask on the host",
        ),
        (Reason::Seccomp, _) => Some("ask outside the seccomp filter (seccompProfile: Unconfined)"),
        (Reason::Lockdown, _) => Some("kernel lockdown refuses; boot without lockdown to tell"),
        (Reason::NotRecorded, _) => Some("record again on that host with this version"),
        (Reason::Busy | Reason::OutOfMemory | Reason::Timeout, _) => Some("ask again"),
        _ => None,
    }
}
