//! Start-up times as they happen: each stage of each node and Fargate pod once.

use std::collections::{BTreeSet, HashSet};

use crate::facts::cluster::{Cluster, Text, Time};
use crate::judge::ClusterReport;
use crate::judge::cluster::Compute;
use crate::judge::cluster::fargate::is_fargate_pod;
use crate::judge::cluster::startup::{Claims, Reached, Stage, pod_start};
use crate::publish::cluster::metrics::Starts;

/// What was counted.
#[derive(Debug)]
pub(super) struct Counted {
    /// Stages from before this are history: another process has counted them.
    since: Time,
    seen: BTreeSet<(Text, Stage)>,
}

impl Counted {
    pub(super) fn new(since: Time) -> Self {
        Self { since, seen: BTreeSet::new() }
    }

    /// Counts what was reached since the last call.
    pub(super) fn count(&mut self, cluster: &Cluster, report: &ClusterReport, starts: &Starts) {
        let claims = Claims::of(cluster);
        let mut present = HashSet::new();
        for (node, line) in Cluster::known(&cluster.nodes).iter().zip(&report.nodes) {
            present.insert(&node.metadata.uid);
            for it in claims.stages(node, line) {
                self.one(&node.metadata.uid, it, line.compute, starts);
            }
        }
        let pods = Cluster::known(&cluster.fargate_pods).iter().filter(|it| is_fargate_pod(it));
        for pod in pods {
            present.insert(&pod.metadata.uid);
            if let Some(it) = pod_start(pod) {
                self.one(&pod.metadata.uid, it, Compute::Fargate, starts);
            }
        }
        // Who is gone is forgotten; who only lost a stage is not, and does not start again.
        self.seen.retain(|(uid, _)| present.contains(uid));
    }

    fn one(&mut self, uid: &Text, it: Reached, compute: Compute, starts: &Starts) {
        if it.at >= self.since && self.seen.insert((uid.clone(), it.stage)) {
            #[expect(clippy::cast_precision_loss, reason = "no start takes 2^53 seconds")]
            starts.observe(compute, it.stage, it.took as f64);
        }
    }
}
