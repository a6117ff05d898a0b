//! Every PromQL expression that is shipped, and the metrics that it names.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bpfready::publish::names::{self, Metric};
use serde_json::Value;

use super::scraped::IN_TROUBLE;

/// Where dashboards and alerts are.
pub(super) fn chart() -> PathBuf {
    bpfready_tests::root().join("manifests/helm/bpfready")
}

/// Name and content of every dashboard.
pub(super) fn dashboards() -> Vec<(String, Value)> {
    let mut found: Vec<_> = std::fs::read_dir(chart().join("dashboards"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|it| {
            let name = it.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&std::fs::read(it).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The alerts of the file that Prometheus reads.
pub(super) fn alerts() -> Vec<Value> {
    let text = std::fs::read_to_string(chart().join("alerts.yaml")).unwrap();
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = document["groups"].as_array().unwrap().iter();
    groups.flat_map(|it| it["rules"].as_array().unwrap().clone()).collect()
}

/// Panels that show something.
pub(super) fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|it| it["type"] != "row")
}

/// The queries of a panel.
pub(super) fn queries(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"].as_array().unwrap().iter().map(|it| it["expr"].as_str().unwrap())
}

/// Everything that is shipped: where it is, and the expression.
pub(super) fn all() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{name}: {}", panel["title"].as_str().unwrap());
            all.extend(queries(panel).map(|it| (place.clone(), it.to_owned())));
        }
    }
    for alert in alerts() {
        let word = |key: &str| alert[key].as_str().unwrap().to_owned();
        all.push((format!("alert {}", word("alert")), word("expr")));
    }
    all
}

/// Names of ours and of processes in one expression.
fn metrics_of(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.filter(|it| it.starts_with("bpfready_") || it.starts_with("process_")).collect()
}

/// The metrics of agent and controller.
pub(super) fn exported() -> Vec<Metric> {
    let all = [names::metrics::ALL, names::agent::ALL, names::cluster::ALL];
    all.into_iter().flatten().copied().collect()
}

/// A metric that nobody exports makes a panel that is empty for ever and an alert that never fires.
#[test]
fn every_metric_that_is_asked_for_is_exported() {
    let mut exported: BTreeSet<&str> = exported().iter().map(|it| it.name).collect();
    exported.insert(names::cluster::STARTUP);
    for (place, expression) in all() {
        let is_unknown = |it: &&str| !exported.contains(it) && !exported.contains(histogram(it));
        let unknown: Vec<_> = metrics_of(&expression).into_iter().filter(is_unknown).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} in {expression}");
    }
}

/// The series of a histogram are named after it.
pub(super) fn histogram(series: &str) -> &str {
    ["_bucket", "_count", "_sum"].iter().find_map(|it| series.strip_suffix(it)).unwrap_or(series)
}

/// What the queries are tried on beside real agents looks like what those export.
#[test]
fn the_fleet_in_trouble_speaks_as_agents_do() {
    let exported = exported();
    for line in IN_TROUBLE.lines().filter(|it| !it.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let metric = exported.iter().find(|it| it.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not exported"));
        let labels = line.split_once('{').map_or("", |it| it.1.split_once("} ").unwrap().0);
        let labels: Vec<&str> =
            labels.split("\",").filter_map(|it| Some(it.split_once('=')?.0)).collect();
        assert_eq!(labels, metric.labels, "{line}");
    }
}
