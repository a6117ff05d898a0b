//! A report as Prometheus metrics: a function of the report, so nothing outlives what it said.

mod bpf;
mod sample;
mod verdict;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::judge::NodeReport;
use sample::Samples;

/// Most series of one node: what Prometheus' own guidance calls a lot for one target.
pub const MAX_SERIES: usize = 500;

/// The classic text format, version 0.0.4, which every scraper and `promtool` reads.
///
/// # Errors
///
/// Never: writing to a string does not fail; the signature is that of the encoder.
pub fn render(report: &NodeReport) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics::of(report)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(classic(&text))
}

/// Of OpenMetrics text with gauges only, the classic format lacks nothing but has no end mark.
fn classic(openmetrics: &str) -> String {
    openmetrics.strip_suffix("# EOF\n").unwrap_or(openmetrics).to_owned()
}

/// All samples of one report.
#[derive(Debug)]
pub struct Metrics {
    samples: Samples,
}

impl Metrics {
    /// The metrics that say what this report says.
    pub fn of(report: &NodeReport) -> Self {
        let mut samples = Samples::default();
        bpf::sample(&mut samples, &report.facts);
        verdict::sample(&mut samples, &report.verdict);
        Self { samples }
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (metric, samples) in self.samples.by_metric() {
            let kind = MetricType::Gauge;
            let mut family = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            for (labels, value) in samples {
                let labels: Vec<(&str, &str)> =
                    metric.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
                let sample = family.encode_family(&labels)?;
                prometheus_client::encoding::EncodeMetric::encode(
                    &ConstGauge::new(*value),
                    sample,
                )?;
            }
        }
        Ok(())
    }
}
