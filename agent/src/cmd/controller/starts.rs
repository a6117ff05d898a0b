//! Start-up times as they happen: each stage of each node and Fargate pod once.

use std::collections::BTreeSet;

use crate::facts::cluster::{Cluster, Text, Time};
use crate::judge::ClusterReport;
use crate::judge::cluster::Compute;
use crate::judge::cluster::fargate::is_fargate_pod;
use crate::judge::cluster::startup::{Reached, Stage, claims_by_node, node_stages, pod_start};
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
        let claims = claims_by_node(cluster);
        let mut present = BTreeSet::new();
        for (node, line) in Cluster::known(&cluster.nodes).iter().zip(&report.nodes) {
            if line.compute == Compute::Fargate {
                continue;
            }
            for it in node_stages(node, claims.get(&line.name).copied()) {
                self.one(&node.metadata.uid, it, line.compute, starts, &mut present);
            }
        }
        let pods = Cluster::known(&cluster.fargate_pods).iter().filter(|it| is_fargate_pod(it));
        for pod in pods {
            if let Some(it) = pod_start(pod) {
                self.one(&pod.metadata.uid, it, Compute::Fargate, starts, &mut present);
            }
        }
        // Who is gone is forgotten.
        self.seen = present;
    }

    fn one(
        &mut self,
        uid: &Text,
        it: Reached,
        compute: Compute,
        starts: &Starts,
        present: &mut BTreeSet<(Text, Stage)>,
    ) {
        let key = (uid.clone(), it.stage);
        // A node that lost a stage and has it again did not start again.
        let started = it.at >= self.since && !self.seen.contains(&key);
        if started {
            #[expect(clippy::cast_precision_loss, reason = "no start takes 2^53 seconds")]
            starts.observe(compute, it.stage, it.took as f64);
        }
        if it.at >= self.since {
            present.insert(key);
        }
    }
}
