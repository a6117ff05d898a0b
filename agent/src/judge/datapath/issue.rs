//! Conflicts and leftovers: what is wrong with a datapath, and what to do.

use serde::{Deserialize, Serialize};

use crate::judge::reason::Reason;
use crate::judge::report::Severity;

/// Something that is wrong with the datapath or was left by another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its id, which is also the rule of its finding: `aws-snat-chains-left`.
    pub id: String,
    /// Which of the two it is.
    pub kind: IssueKind,
    /// Whose it is: `aws-vpc-cni`, `kube-proxy`, …
    pub owner: String,
    /// Whether packets suffer from it.
    pub harmful: bool,
    /// How much it matters for Cilium here.
    pub severity: Severity,
    /// Whether Cilium is not ready here as long as it lasts.
    #[serde(default)]
    pub blocks_ready: bool,
    /// One of a closed list.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The facts it rests on, one sentence each.
    pub evidence: Vec<String>,
}

impl Issue {
    fn new(kind: IssueKind, id: &str, owner: &str, message: impl Into<String>) -> Self {
        let (harmful, reason) = match kind {
            IssueKind::Conflict => (true, Reason::DatapathConflict),
            IssueKind::Leftover => (false, Reason::DatapathLeftover),
        };
        Self {
            id: id.to_owned(),
            kind,
            owner: owner.to_owned(),
            harmful,
            severity: if harmful { Severity::Degraded } else { Severity::Advisory },
            blocks_ready: false,
            reason,
            message: message.into(),
            remedy: String::new(),
            evidence: Vec::new(),
        }
    }

    /// A conflict, which harms unless said otherwise.
    pub(super) fn conflict(id: &str, owner: &str, message: impl Into<String>) -> Self {
        Self::new(IssueKind::Conflict, id, owner, message)
    }

    /// A leftover, harmless unless said otherwise.
    pub(super) fn leftover(id: &str, owner: &str, message: impl Into<String>) -> Self {
        Self::new(IssueKind::Leftover, id, owner, message)
    }

    /// Packets suffer from it.
    pub(super) fn harms(mut self) -> Self {
        (self.harmful, self.severity) = (true, Severity::Degraded);
        self
    }

    /// It is worth knowing, and harms nobody.
    pub(super) fn advisory(mut self) -> Self {
        (self.harmful, self.severity) = (false, Severity::Advisory);
        self
    }

    /// Cilium is not ready here as long as it lasts.
    pub(super) fn blocks_ready(mut self) -> Self {
        self.blocks_ready = true;
        self
    }

    pub(super) fn reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub(super) fn evidence(mut self, sentences: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(sentences);
        self
    }
}

/// What an [`Issue`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// Two live things stand in each other's way, or what lives contradicts itself.
    Conflict,
    /// What something that is gone left behind.
    Leftover,
}
