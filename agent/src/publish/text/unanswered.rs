//! What could not be told, and what would tell it.

use std::collections::BTreeMap;

use super::layout::{Page, UNKNOWN, styled};
use crate::facts::privilege::{Privilege, Rung};
use crate::judge::NodeReport;
use crate::judge::reason::Reason;
use crate::judge::report::{FeatureStatus, Finding, Outcome};

/// What is open for one reason.
#[derive(Default)]
struct Open<'a> {
    rules: Vec<&'a str>,
    features: usize,
}

/// Open questions by their reason, each reason with what would settle it. Those that decide about
/// the release have been told already, features are in the table: both are counted only.
pub(super) fn unanswered(page: &mut Page, report: &NodeReport) {
    let open = open_questions(report);
    if open.is_empty() {
        return;
    }
    page.heading("Could not tell");
    for (reason, open) in &open {
        let reason_word = styled(UNKNOWN, reason.as_str());
        page.item("  ", &format!("{reason_word}: {}", list(open)));
        if let Some(remedy) = what_would_tell(*reason, report) {
            page.item("           do       ", remedy);
        }
    }
}

fn list(open: &Open<'_>) -> String {
    let mut parts: Vec<String> = open.rules.iter().map(ToString::to_string).collect();
    match open.features {
        0 => {}
        1 => parts.push("1 feature of the table".to_owned()),
        many => parts.push(format!("{many} features of the table")),
    }
    parts.join(", ")
}

fn open_questions(report: &NodeReport) -> BTreeMap<Reason, Open<'_>> {
    let verdict = &report.verdict;
    let mut open: BTreeMap<Reason, Open<'_>> = BTreeMap::new();
    let undetermined = |it: &&Finding| it.outcome == Outcome::Undetermined;
    for finding in verdict.findings.iter().filter(undetermined) {
        open.entry(finding.reason).or_default().rules.push(&finding.rule);
    }
    let unknown = |it: &Reason| {
        let features = verdict.cilium.features.values();
        features.filter(|f| f.status == FeatureStatus::Unknown && f.reason == *it).count()
    };
    for reason in Reason::ALL {
        let features = unknown(reason);
        if features > 0 {
            open.entry(*reason).or_default().features = features;
        }
    }
    open
}

/// The right or the step that would answer a question that is open for this reason.
fn what_would_tell(reason: Reason, report: &NodeReport) -> Option<&'static str> {
    let rung = report.facts.privilege.known().map_or(Rung::None, Privilege::rung);
    match (reason, rung) {
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::None) => {
            Some("Ask as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.")
        }
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::Bpf | Rung::NetRaw) => {
            Some("Ask with CAP_SYS_ADMIN as well.")
        }
        (Reason::PermissionDenied | Reason::PrivilegeTooLow, Rung::SysAdmin) => Some(
            "Every capability is there, so a sandbox, an LSM or lockdown refuses: ask on the host.",
        ),
        (Reason::Seccomp, _) => {
            Some("Ask outside the seccomp filter (in a pod: seccompProfile Unconfined).")
        }
        (Reason::Lockdown, _) => Some("Kernel lockdown refuses; only a boot without it can tell."),
        (Reason::NotRecorded, _) => Some("Record again on that host with this version."),
        (Reason::Busy | Reason::OutOfMemory | Reason::Timeout, _) => Some("Ask again."),
        _ => None,
    }
}
