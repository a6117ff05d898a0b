//! A report as Prometheus metrics: a function of the report, so nothing outlives what it said.

mod bpf;
mod sample;
mod verdict;

use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::names::{Kind, Metric, agent, cluster};
use crate::judge::NodeReport;
pub use bpf::{ANSWERS, XDP_FEATURES};
pub use sample::Samples;

const TOTAL: &str = "_total";

/// Most series of one node: what Prometheus' own guidance calls a lot for one target.
pub const MAX_SERIES: usize = 500;

/// Which of the two text forms a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Version 0.0.4, which every scraper and `promtool` reads.
    Classic,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Form {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The metrics of one report, in the classic form.
///
/// # Errors
///
/// When the encoder refuses a sample: a bug.
pub fn render(report: &NodeReport) -> Result<String, fmt::Error> {
    Ok(document(Form::Classic, &[&part(of_report(report))?]))
}

/// All samples of one report.
pub fn of_report(report: &NodeReport) -> Samples {
    let mut samples = Samples::default();
    bpf::sample(&mut samples, &report.facts);
    verdict::sample(&mut samples, &report.verdict);
    samples
}

/// Some samples as OpenMetrics text without its end mark: a part of a document.
///
/// # Errors
///
/// When the encoder refuses a sample: a bug.
pub fn part(samples: Samples) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(samples));
    let mut text = String::new();
    encode_registry(&mut text, &registry)?;
    Ok(text)
}

/// A document of parts that have no metric in common.
pub fn document(form: Form, parts: &[&str]) -> String {
    match form {
        Form::OpenMetrics => parts.concat() + "# EOF\n",
        Form::Classic => parts.iter().map(|it| classic(it)).collect(),
    }
}

/// OpenMetrics describes a counter by its name without `_total`, the classic form by its samples'
/// name; the samples are alike.
fn classic(part: &str) -> Cow<'_, str> {
    let is_counter = |name: &str| {
        let counts = |it: &&Metric| it.kind == Kind::Counter;
        let mut counters = agent::ALL.iter().chain(cluster::ALL).filter(counts);
        counters.any(|it| it.name.strip_suffix(TOTAL) == Some(name))
    };
    if !part.contains(" counter\n") {
        return part.into();
    }
    let mut text = String::with_capacity(part.len() + 256);
    for line in part.split_inclusive('\n') {
        let described = line.strip_prefix("# ").and_then(|it| it.split_once(' '));
        match described.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) if is_counter(name) => {
                text.extend(["# ", word, " ", name, TOTAL, " ", rest]);
            }
            _ => text += line,
        }
    }
    text.into()
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (metric, samples) in self.by_metric() {
            let kind = match metric.kind {
                Kind::Gauge => MetricType::Gauge,
                Kind::Counter => MetricType::Counter,
            };
            let name = metric.name.strip_suffix(TOTAL).unwrap_or(metric.name);
            let mut family = encoder.encode_descriptor(name, metric.help, None, kind)?;
            if let ([], [(_, value)]) = (metric.labels, samples.as_slice()) {
                encode(metric.kind, *value, family)?;
                continue;
            }
            for (labels, value) in samples {
                let labels: Vec<(&str, &str)> =
                    metric.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
                encode(metric.kind, *value, family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn encode(kind: Kind, value: f64, sample: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    match kind {
        Kind::Gauge => ConstGauge::new(value).encode(sample),
        Kind::Counter => ConstCounter::new(value).encode(sample),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> String {
        let mut samples = Samples::default();
        samples.put(agent::LOOKS, &["links"], 3.0);
        samples.put(agent::REPORT_AGE, &[], 1.5);
        part(samples).unwrap()
    }

    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>: in the classic form the
    /// description names the samples.
    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let text = document(Form::Classic, &[&one_of_each()]);
        assert!(text.contains("# TYPE bpfready_looks_total counter\n"), "{text}");
        assert!(text.contains("\nbpfready_looks_total{trigger=\"links\"} 3"), "{text}");
        assert!(text.contains("# TYPE bpfready_report_age_seconds gauge\n"), "{text}");
        assert!(text.contains("\nbpfready_report_age_seconds 1.5\n"), "{text}");
        assert!(!text.contains("# EOF"), "{text}");
    }

    /// OpenMetrics 1.0.0: the family has no suffix, its samples have, and the end is marked.
    #[test]
    fn openmetrics_describes_the_family_and_ends_with_its_mark() {
        let text = document(Form::OpenMetrics, &[&one_of_each()]);
        assert!(text.contains("# TYPE bpfready_looks counter\n"), "{text}");
        assert!(text.contains("\nbpfready_looks_total{trigger=\"links\"} 3"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }
}
