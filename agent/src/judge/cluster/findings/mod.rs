//! What is worth telling about the cluster as a whole. One rule a file; each gives exactly one
//! finding, so that a rule that holds is told as well as one that does not.

mod agents;
mod auto_mode;
mod both_cnis;
mod capable;
mod cilium_on_fargate;
mod crds_left;
mod fargate_pods;
mod fargate_policies;
mod hybrid;
mod migration;
mod mixed_datapath;
mod stale_condition;
mod strict;
mod unread;

use serde::{Deserialize, Serialize};

use super::nodes::NodeLine;
use super::presence::Presence;
use super::{FargateReport, Policy};
use crate::facts::cluster::{Cluster, Text};
use crate::judge::report::{Outcome, Release};

pub(super) use migration::Migrating;
pub(super) use strict::WARNING;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Worth knowing.
    Info,
    /// Something does not do what its owner believes.
    Warning,
    /// Something does not work.
    Error,
}

impl Grade {
    /// The word in metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule's answer about the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterFinding {
    /// The rule's id, such as `hybrid-cilium`.
    pub rule: String,
    /// One of a closed list: the rule in CamelCase.
    pub reason: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How much a failure matters.
    pub grade: Grade,
    /// One sentence for people.
    pub message: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// What it rests on, one sentence each.
    pub evidence: Vec<String>,
    /// The objects it is about: `Node/a`, `NodePool/b`, `Pod/namespace/c`.
    pub objects: Vec<Text>,
}

/// A rule's identity; its findings differ only in what they say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Id in kebab-case.
    pub(super) id: &'static str,
    /// The same in CamelCase, as conditions and metrics write reasons.
    pub(super) reason: &'static str,
    /// How much a failure matters.
    pub(super) grade: Grade,
}

impl Rule {
    pub(super) const fn new(id: &'static str, reason: &'static str, grade: Grade) -> Self {
        Self { id, reason, grade }
    }

    fn ends(self, outcome: Outcome, message: impl Into<String>) -> ClusterFinding {
        ClusterFinding {
            rule: self.id.to_owned(),
            reason: self.reason.to_owned(),
            outcome,
            grade: self.grade,
            message: message.into(),
            remedy: String::new(),
            evidence: Vec::new(),
            objects: Vec::new(),
        }
    }

    pub(super) fn pass(self, message: impl Into<String>) -> ClusterFinding {
        self.ends(Outcome::Pass, message)
    }

    pub(super) fn fail(
        self,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ClusterFinding {
        ClusterFinding { remedy: remedy.into(), ..self.ends(Outcome::Fail, message) }
    }

    pub(super) fn undetermined(self, message: impl Into<String>) -> ClusterFinding {
        self.ends(Outcome::Undetermined, message)
    }

    pub(super) fn not_applicable(self, message: impl Into<String>) -> ClusterFinding {
        self.ends(Outcome::NotApplicable, message)
    }
}

impl ClusterFinding {
    pub(super) fn about(mut self, objects: impl IntoIterator<Item = Text>) -> Self {
        self.objects = objects.into_iter().collect();
        self
    }

    pub(super) fn because(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence = evidence.into_iter().collect();
        self
    }
}

/// What a rule may look at.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) nodes: &'a [NodeLine],
    pub(super) fargate: &'a FargateReport,
    pub(super) presence: &'a Presence,
    pub(super) policy: &'a Policy,
    pub(super) target: Release,
}

/// Every rule, in the order they are told.
const RULES: &[fn(&Scene<'_>) -> ClusterFinding] = &[
    unread::check,
    agents::check,
    capable::check,
    strict::check,
    hybrid::check,
    cilium_on_fargate::check,
    fargate_pods::unsupported,
    fargate_pods::agents,
    fargate_policies::check,
    auto_mode::check,
    mixed_datapath::check,
    both_cnis::check,
    migration::check,
    crds_left::check,
    stale_condition::check,
];

/// Asks every rule.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<ClusterFinding> {
    RULES.iter().map(|check| check(scene)).collect()
}

/// `Node/NAME`.
pub(super) fn node_object(name: &str) -> Text {
    format!("Node/{name}").into()
}

/// `Pod/NAMESPACE/NAME`.
pub(super) fn pod_object(pod: &crate::facts::cluster::Pod) -> Text {
    format!("Pod/{}/{}", pod.metadata.namespace, pod.metadata.name).into()
}

/// `1 node`, `2 nodes`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = match (number, noun) {
        (1, _) => String::new(),
        (_, it) if it.ends_with("policy") => return format!("{number} policies"),
        _ => "s".to_owned(),
    };
    format!("{number} {noun}{plural}")
}
