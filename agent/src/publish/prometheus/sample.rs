//! Samples on their way to an encoder.

use crate::publish::names::Metric;
use crate::publish::words::Words;

/// Label values, in the order of the metric's labels, and the value.
type Sample = (Vec<String>, f64);

/// Samples by metric, in the order they were put.
#[derive(Debug, Default)]
pub struct Samples(Vec<(Metric, Vec<Sample>)>);

impl Samples {
    /// One series; as many label values as the metric has labels.
    pub fn put(&mut self, metric: Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        let sample = (labels.iter().map(ToString::to_string).collect(), value);
        match self.0.iter_mut().find(|it| it.0 == metric) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((metric, vec![sample])),
        }
    }

    /// As [`Self::put`], but adds to the series of these labels where there is one.
    pub fn add(&mut self, metric: Metric, labels: &[&str], value: f64) {
        let same = |it: &&mut Sample| it.0.iter().map(String::as_str).eq(labels.iter().copied());
        let samples = self.0.iter_mut().find(|it| it.0 == metric).map(|it| &mut it.1);
        match samples.and_then(|it| it.iter_mut().find(same)) {
            Some((_, sum)) => *sum += value,
            None => self.put(metric, labels, value),
        }
    }

    /// One series for every member of a closed set: 1 for the one that holds, 0 for the others.
    /// The metric's last label is `state`.
    pub(in crate::publish) fn states<T: Words>(
        &mut self,
        metric: Metric,
        labels: &[&str],
        holds: T,
    ) {
        for (member, word) in T::WORDS {
            let value = if *member == holds { 1.0 } else { 0.0 };
            self.put(metric, &[labels, &[word]].concat(), value);
        }
    }

    /// How many series there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|(_, samples)| samples.len()).sum()
    }

    pub(super) fn by_metric(&self) -> impl Iterator<Item = &(Metric, Vec<Sample>)> {
        self.0.iter()
    }
}
