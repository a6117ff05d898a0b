//! Every PromQL expression that is shipped.

use std::path::PathBuf;

use serde_json::Value;

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
