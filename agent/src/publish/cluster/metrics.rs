//! A cluster's report as samples, and the histograms of start-up times.

use std::fmt;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::facts::Failure;
use crate::judge::ClusterReport;
use crate::judge::cluster::Compute;
use crate::judge::cluster::matrix::Row;
use crate::judge::cluster::nodes::NodeLine;
use crate::judge::cluster::startup::Stage;
use crate::judge::cluster::works::Tally;
use crate::judge::report::Ternary;
use crate::publish::names::{Metric, cluster as of};
use crate::publish::prometheus::Samples;
use crate::publish::words::{Words as _, json_word};

/// Everything that a report says, as samples.
pub fn of_report(samples: &mut Samples, report: &ClusterReport, failures: &[(&str, &Failure)]) {
    report.rows.iter().for_each(|it| row(samples, it, &report.target.to_string()));
    sources(samples, &report.nodes);
    for finding in &report.findings {
        let state = finding.outcome.word();
        samples.put(of::FINDING, &[&finding.rule, finding.grade.as_str(), state], 1.0);
    }
    let recommendation = &report.recommendation;
    let blocked = recommendation.blocked_by.map(|it| json_word(&it)).unwrap_or_default();
    samples.put(of::RECOMMENDATION, &[&json_word(&recommendation.action), &blocked], 1.0);
    let policy = json_word(&report.decision.policy);
    samples.states(of::CILIUM_ENABLED, &[&policy], report.decision.cilium_enabled);
    let release = report.presence.cilium_release.map(|it| it.to_string()).unwrap_or_default();
    samples.put(of::CILIUM_INFO, &[report.presence.cilium.word(), &release], 1.0);
    fargate(samples, report);
    pools(samples, report);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age of the world fit")]
    samples.put(of::REPORT_TIMESTAMP, &[], report.taken_at_seconds as f64);
    for (source, failure) in failures {
        samples.put(of::SOURCE_FAILURE, &[source, failure.cause.as_str()], 1.0);
    }
}

fn row(samples: &mut Samples, row: &Row, target: &str) {
    let pool = row.node_pool.as_deref().unwrap_or_default();
    let key = [row.compute.as_str(), pool];
    // Windows nodes of the same kind of machine are a row of their own, not a series of their own.
    samples.add(of::NODES, &key, count(row.nodes));
    tally(samples, of::NODES_EBPF, &key, &row.ebpf);
    tally(samples, of::NODES_DATAPATH, &key, &row.datapath);
    tally(samples, of::NODES_CAPABLE, &[key[0], key[1], target], &row.cilium_capable);
    tally(samples, of::NODES_READY, &key, &row.cilium_ready);
    tally(samples, of::NODES_PROXY, &key, &row.service_proxy);
    for (feature, works) in &row.works {
        tally(samples, of::NODES_WORKS, &[key[0], key[1], feature], &works.now);
    }
}

fn tally<K: serde::Serialize + Ord>(
    samples: &mut Samples,
    metric: Metric,
    labels: &[&str],
    tally: &Tally<K>,
) {
    for (word, nodes) in tally {
        samples.add(metric, &[labels, &[&*json_word(word)]].concat(), count(*nodes));
    }
}

fn sources(samples: &mut Samples, nodes: &[NodeLine]) {
    for node in nodes {
        samples.add(of::NODES_SOURCE, &[&json_word(&node.source)], 1.0);
    }
}

/// One GB of Fargate's sizes is 1024 MB of a task's (`0.5 GB` is 512).
const GIB: f64 = 1_073_741_824.0;

fn fargate(samples: &mut Samples, report: &ClusterReport) {
    let fargate = &report.fargate;
    if fargate.present == Ternary::Unknown || report.is_unread("fargate pods") {
        return;
    }
    for it in &fargate.pods {
        samples.put(of::FARGATE_PODS, &[&it.namespace, &it.profile, &it.phase], count(it.pods));
    }
    samples.put(of::FARGATE_VCPUS, &[], fargate.billed.vcpu);
    samples.put(of::FARGATE_MEMORY, &[], fargate.billed.memory_gb * GIB);
    samples.put(of::FARGATE_NOT_BILLED, &[], count(fargate.not_billed));
}

fn pools(samples: &mut Samples, report: &ClusterReport) {
    for pool in &report.node_pools {
        let name = &*pool.name;
        samples.put(of::POOL_CLAIMS, &[name], count(pool.claims));
        if let Some(promise) = &pool.promise {
            let states = [
                ("kept", promise.kept),
                ("broken", promise.broken.len()),
                ("unknown", promise.unknown),
            ];
            for (state, nodes) in states {
                let labels = [name, &promise.datapath, state];
                samples.put(of::POOL_PROMISE, &labels, count(nodes));
            }
        }
        for gate in &pool.gates {
            samples.add(of::POOL_STUCK, &[name, &gate.reason], 1.0);
        }
        for check in &pool.checks {
            samples.put(of::POOL_CHECK, &[name, &check.rule], 1.0);
        }
    }
    let of_karpenter = report.nodes.iter().filter(|it| it.compute == Compute::Karpenter);
    for node in of_karpenter {
        let pool = node.pool.as_deref().unwrap_or_default();
        let labels = [pool, node.datapath.as_str(), node.cilium_ready.word()];
        samples.add(of::POOL_NODES, &labels, 1.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "no cluster has 2^53 of anything")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Labels as the encoder takes them: name and value.
type Pairs = Vec<(&'static str, &'static str)>;

/// Start-up times since this process began, by kind of machine and stage.
#[derive(Debug)]
pub struct Starts {
    family: Family<Pairs, Histogram, fn() -> Histogram>,
    registry: Registry,
}

/// From a fast pod to a node that nearly gave up: the claims to check lie at 60, 90 and 120 s.
const BUCKETS: [f64; 12] =
    [5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0];

impl Default for Starts {
    fn default() -> Self {
        let family =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let mut registry = Registry::default();
        registry.register(of::STARTUP, of::STARTUP_HELP, family.clone());
        Self { family, registry }
    }
}

impl Starts {
    /// One start.
    pub fn observe(&self, compute: Compute, stage: Stage, seconds: f64) {
        let labels = vec![("compute", compute.as_str()), ("stage", stage.as_str())];
        self.family.get_or_create(&labels).observe(seconds);
    }

    /// As OpenMetrics text without its end mark.
    ///
    /// # Errors
    ///
    /// When the encoder refuses a sample: a bug.
    pub fn part(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        Ok(text)
    }
}
