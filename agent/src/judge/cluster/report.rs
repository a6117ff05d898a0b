//! What is said about a cluster: the `ClusterReport` of the JSON contract.

use serde::{Deserialize, Serialize};

use super::fargate::FargateReport;
use super::findings::ClusterFinding;
use super::karpenter::NodePoolReport;
use super::matrix::Row;
use super::nodes::NodeLine;
use super::presence::Presence;
use super::recommendation::{Decision, Recommendation};
use super::startup::Startup;
use crate::facts::cluster::Text;
use crate::judge::report::Release;

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// [`crate::judge::report::API_VERSION`].
    pub api_version: String,
    /// `ClusterReport`.
    pub kind: String,
    /// When the look began, in seconds since the Unix epoch.
    pub taken_at_seconds: u64,
    /// The API server's version; `None`: it did not say.
    pub kubernetes: Option<Text>,
    /// Parts of the look that could not be read, such as `nodes`: what is counted of them is unknown,
    /// and not 0.
    #[serde(default)]
    pub unread: Vec<Text>,
    /// The Cilium release in question.
    pub target: Release,
    /// What is set up.
    pub presence: Presence,
    /// What the policy makes of it.
    pub decision: Decision,
    /// What to do.
    pub recommendation: Recommendation,
    /// The compatibility matrix.
    pub rows: Vec<Row>,
    /// Fargate.
    pub fargate: FargateReport,
    /// Karpenter's NodePools.
    pub node_pools: Vec<NodePoolReport>,
    /// Every rule that was asked, in the order they are told.
    pub findings: Vec<ClusterFinding>,
    /// How long starts took.
    pub startup: Startup,
    /// Every node.
    pub nodes: Vec<NodeLine>,
}

impl ClusterReport {
    /// Whether a part could not be read, by its name in `unread`.
    pub fn is_unread(&self, part: &str) -> bool {
        self.unread.iter().any(|it| it == part)
    }
}
