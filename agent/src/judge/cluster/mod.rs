//! A cluster's objects and its agents' reports in, a [`ClusterReport`] out. Pure, like its parent.

pub mod compute;
pub mod fargate;
pub mod findings;
pub mod karpenter;
pub mod kernel;
pub mod matrix;
pub mod measured;
pub mod nodes;
pub mod presence;
pub mod recommendation;
pub mod report;
#[cfg(test)]
pub(crate) mod sample;
pub mod startup;
pub mod steps;
pub mod works;

use serde::{Deserialize, Serialize};

use super::releases;
use super::report::{API_VERSION, Release};
use crate::facts::cluster::Cluster;
pub use compute::Compute;
pub use fargate::FargateReport;
pub use measured::{Measured, Measurements};
pub use report::ClusterReport;

/// Whether Fargate somewhere forbids Cilium elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Datapaths {
    /// No: it is told what does not work together.
    #[default]
    Advisory,
    /// Yes: all pods of a cluster have one datapath.
    StrictClusterWide,
}

/// What the one who asks wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The Cilium release in question; `None`: the one that is installed, else the newest known.
    pub target: Option<Release>,
    /// Whether Fargate somewhere forbids Cilium elsewhere.
    pub datapaths: Datapaths,
    /// Whether Cilium is asked for; `None`: as it is.
    pub enable_cilium: Option<bool>,
    /// Whether Fargate is asked for; `None`: as it is.
    pub enable_fargate: Option<bool>,
    /// What is taken for true of Fargate nodes.
    pub fargate: fargate::Assumption,
    /// How long a node may wait at its gate before it counts as stuck.
    pub gate_patience_seconds: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            target: None,
            datapaths: Datapaths::default(),
            enable_cilium: None,
            enable_fargate: None,
            fargate: fargate::Assumption::default(),
            gate_patience_seconds: 600,
        }
    }
}

/// Judges one look at a cluster.
pub fn judge(cluster: &Cluster, measurements: &Measurements, policy: &Policy) -> ClusterReport {
    let target = target(cluster, policy);
    let nodes = nodes::lines(cluster, measurements, policy, target);
    let fargate = fargate::report(cluster, &nodes);
    let presence = presence::presence(cluster, &nodes, &fargate, measurements);
    let scene = findings::Scene {
        cluster,
        nodes: &nodes,
        fargate: &fargate,
        presence: &presence,
        policy,
        target,
    };
    let node_pools = karpenter::pools(&scene);
    let mut findings = findings::findings(&scene);
    findings.extend(karpenter::findings(&scene, &node_pools));
    let recommendation = recommendation::recommendation(&scene);
    let decision = recommendation::decision(policy, &presence);
    ClusterReport {
        api_version: API_VERSION.into(),
        kind: "ClusterReport".into(),
        taken_at_seconds: cluster.taken_at_seconds,
        kubernetes: cluster.version.known().cloned(),
        unread: cluster.failures().into_iter().map(|(part, _)| part.into()).collect(),
        target,
        decision,
        recommendation,
        rows: matrix::rows(&nodes, &cluster.cilium_config),
        node_pools,
        findings,
        startup: startup::startup(cluster, &nodes),
        presence,
        fargate,
        nodes,
    }
}

/// Names of the nodes from which an agent is expected to report: it has a pod there, or its labels.
pub fn nodes_with_agents(
    cluster: &Cluster,
) -> std::collections::BTreeSet<crate::facts::cluster::Text> {
    let pods = Cluster::known(&cluster.agent_pods).iter().filter(|it| it.status.phase == "Running");
    let labelled =
        Cluster::known(&cluster.nodes).iter().filter(|it| Measured::from_labels(it).is_some());
    pods.map(|it| it.spec.node_name.clone())
        .chain(labelled.map(|it| it.metadata.name.clone()))
        .collect()
}

/// The release in question.
fn target(cluster: &Cluster, policy: &Policy) -> Release {
    let installed = || presence::cilium_daemon_set(cluster).and_then(presence::release);
    policy.target.or_else(installed).unwrap_or(releases::NEWEST)
}
