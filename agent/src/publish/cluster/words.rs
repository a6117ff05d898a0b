//! Sentences that text, Markdown and the page share.

use crate::judge::cluster::fargate::FargateReport;
use crate::judge::cluster::fargate::capacity::Capacity;
use crate::judge::cluster::findings::{ClusterFinding, Grade, count};
use crate::judge::cluster::recommendation::{Action, Blocker, Recommendation};
use crate::judge::cluster::{ClusterReport, Compute};
use crate::judge::report::{Extent, Outcome, Ternary};

/// The recommendation in some words.
pub(super) fn recommended(recommendation: &Recommendation) -> String {
    match (recommendation.action, recommendation.blocked_by) {
        (Action::Keep, _) => "keep the datapath as it is".to_owned(),
        (Action::EnableCilium, _) => "enable Cilium".to_owned(),
        (Action::MigrateNodeByNode, _) => "migrate node by node".to_owned(),
        (Action::Blocked, None) => "blocked".to_owned(),
        (Action::Blocked, Some(by)) => format!("blocked by {}", blocker(by)),
    }
}

fn blocker(by: Blocker) -> &'static str {
    match by {
        Blocker::StrictClusterWide => "the policy strict-cluster-wide",
        Blocker::NoEligibleNode => "the platform of every node",
        Blocker::IncapableNodes => "nodes that cannot run it",
        Blocker::NotMeasured => "a lack of measurements",
        Blocker::ApiUnreadable => "a lack of rights",
    }
}

/// Kubernetes, nodes, release.
pub(super) fn subject(report: &ClusterReport) -> String {
    let kubernetes = report.kubernetes.as_ref().map_or("of unknown version", |it| it);
    let nodes = match is_unlisted(report) {
        true => "nodes that could not be listed".to_owned(),
        false => count(report.nodes.len(), "node"),
    };
    format!("Kubernetes {kubernetes}, {nodes}, judged for Cilium {}", report.target)
}

/// Whether the nodes could not be listed: then that there is none says nothing.
pub(super) fn is_unlisted(report: &ClusterReport) -> bool {
    report.is_unread("nodes")
}

/// In place of the matrix where there is no row.
pub(super) fn no_rows(report: &ClusterReport) -> Option<&'static str> {
    match (report.rows.is_empty(), is_unlisted(report)) {
        (false, _) => None,
        (true, true) => Some("The nodes could not be listed."),
        (true, false) => Some("There is no node."),
    }
}

/// Rules that could not be asked because a part could not be read; that is told once, by the
/// finding `api-readable`.
pub(super) fn unasked(report: &ClusterReport) -> Option<String> {
    let unasked: Vec<&str> = report
        .findings
        .iter()
        .filter(|it| rests_on_unread(report, it))
        .map(|it| &*it.rule)
        .collect();
    (!unasked.is_empty()).then(|| {
        format!("{} could not be asked: {}", count(unasked.len(), "rule"), unasked.join(", "))
    })
}

fn rests_on_unread(report: &ClusterReport, finding: &ClusterFinding) -> bool {
    let unknown = |it: &ClusterFinding| it.outcome == Outcome::Undetermined;
    let unread = report.findings.iter().any(|it| it.rule == UNREAD && unknown(it));
    unread && unknown(finding) && finding.rule != UNREAD && finding.evidence.is_empty()
}

const UNREAD: &str = "api-readable";

/// What is worth telling, the gravest first; what could not be told comes last, and of that only
/// what [`unasked`] does not tell.
pub(super) fn open(report: &ClusterReport) -> Vec<&ClusterFinding> {
    let is_open = |it: &&ClusterFinding| {
        matches!(it.outcome, Outcome::Fail | Outcome::Undetermined) && !rests_on_unread(report, it)
    };
    let mut open: Vec<&ClusterFinding> = report.findings.iter().filter(is_open).collect();
    open.sort_by_key(|it| (it.outcome == Outcome::Undetermined, std::cmp::Reverse(it.grade)));
    open
}

/// `error`, `warning`, `info`, `unknown`.
pub(super) fn mark(finding: &ClusterFinding) -> &'static str {
    match (finding.outcome, finding.grade) {
        (Outcome::Undetermined, _) => "unknown",
        (_, Grade::Error) => "error",
        (_, Grade::Warning) => "warning",
        (_, Grade::Info) => "info",
    }
}

/// The first objects of a finding, and how many more there are.
pub(super) fn objects(finding: &ClusterFinding) -> Option<String> {
    const SHOWN: usize = 5;
    let all = &finding.objects;
    let first = all.iter().take(SHOWN).map(|it| &**it).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => None,
        1..=SHOWN => Some(first),
        number => Some(format!("{first} and {} more", number - SHOWN)),
    }
}

/// Fargate in one or two sentences; `None`: there is none and never was.
pub(super) fn fargate(report: &ClusterReport) -> Option<String> {
    let fargate = &report.fargate;
    if fargate.present == Ternary::Unknown {
        return Some("Whether there are Fargate nodes or pods could not be read.".to_owned());
    }
    if fargate.present == Ternary::No {
        let unused = fargate.profile == Ternary::Yes;
        return unused.then(|| "There is a Fargate profile, and no pod on it.".to_owned());
    }
    let nodes = match is_unlisted(report) {
        true => "Nodes that could not be listed".to_owned(),
        false => count(fargate.nodes, "node"),
    };
    let pods = match report.is_unread("fargate pods") {
        true => "pods that could not be listed".to_owned(),
        false => pods_of(fargate),
    };
    let mut on_fargate = report.nodes.iter().filter(|it| it.compute == Compute::Fargate);
    let ebpf = match on_fargate.all(|it| it.ebpf == Extent::None) {
        true => " No eBPF program can be loaded there.",
        false => "",
    };
    Some(format!("{nodes}, {pods}.{ebpf}"))
}

fn pods_of(fargate: &FargateReport) -> String {
    let pods: usize = fargate.pods.iter().map(|it| it.pods).sum();
    let Capacity { vcpu, memory_gb } = fargate.billed;
    format!("{}; billed: {vcpu} vCPU, {memory_gb} GB", count(pods, "pod"))
}
