//! Conflicts and leftovers as findings, each with its remedy.

use super::verdict::{DatapathVerdict, Issue};
use crate::facts::Cause;
use crate::judge::reason::Reason;
use crate::judge::report::{Area, Finding, IssueKind, Outcome, Severity};

/// A finding for each issue; where there is none of a kind, one that says so.
pub(in crate::judge) fn findings(verdict: &DatapathVerdict) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, rule, what) in [
        (IssueKind::Conflict, "datapath-no-conflicts", "conflict with the datapath"),
        (IssueKind::Leftover, "datapath-no-leftovers", "leftover of another datapath"),
    ] {
        let of_kind: Vec<&Issue> = verdict.issues.iter().filter(|it| it.kind == kind).collect();
        match of_kind.is_empty() {
            true => findings.push(none(verdict, rule, what)),
            // The rule of that name tells it already.
            false => {
                let own = of_kind.into_iter().filter(|it| it.id != "bpffs-not-stacked");
                findings.extend(own.map(finding));
            }
        }
    }
    findings
}

fn finding(issue: &Issue) -> Finding {
    Finding {
        rule: issue.id.clone(),
        outcome: Outcome::Fail,
        severity: issue.severity,
        reason: issue.reason,
        message: issue.message.clone(),
        remedy: issue.remedy.clone(),
        evidence: issue.evidence.clone(),
        value: None,
    }
}

/// None was found: that says something only where everything could be read.
fn none(verdict: &DatapathVerdict, rule: &str, what: &str) -> Finding {
    // Where the host's processes are out of sight, ports and sockets still tell who lives; where
    // sockets are not mounted, processes do.
    let deciding = |it: &&super::verdict::Unread| match it.area {
        Area::Processes | Area::Endpoints => it.cause != Some(Cause::Prerequisite),
        Area::Pods => false,
        _ => true,
    };
    let unread: Vec<String> =
        verdict.unread.iter().filter(deciding).map(|it| it.why.clone()).collect();
    let (outcome, reason, message) = match unread.is_empty() {
        true => (Outcome::Pass, Reason::Satisfied, format!("no {what}")),
        false => (
            Outcome::Undetermined,
            Reason::PrerequisiteUnknown,
            format!("no {what} was found, and not everything could be read"),
        ),
    };
    Finding {
        rule: rule.to_owned(),
        outcome,
        severity: Severity::Advisory,
        reason,
        message,
        remedy: String::new(),
        evidence: unread,
        value: None,
    }
}
