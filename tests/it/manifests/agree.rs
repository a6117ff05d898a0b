//! One source: an overlay and the chart with the values of its name are the same objects.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::documents::{OVERLAYS, kustomized, templated, title};

fn by_title(documents: Vec<Value>) -> BTreeMap<String, Value> {
    documents.into_iter().map(|it| (title(&it), it)).collect()
}

#[test]
fn every_overlay_is_what_the_chart_makes_of_the_values_of_its_name() {
    for name in OVERLAYS {
        let overlay = by_title(kustomized(&format!("overlays/{name}")));
        let chart = by_title(templated(name));
        let titles = |it: &BTreeMap<String, Value>| it.keys().cloned().collect::<Vec<_>>();
        assert_eq!(titles(&overlay), titles(&chart), "{name}");
        for (title, document) in &overlay {
            assert_eq!(*document, chart[title], "{name}: {title}");
        }
    }
}

#[test]
fn every_folder_of_overlays_is_compared() {
    let dir = bpfready_tests::root().join("manifests/overlays");
    let folders = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        folders.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, OVERLAYS);
}

#[test]
fn helm_lint_finds_nothing() {
    let chart = bpfready_tests::root().join("manifests/helm/bpfready");
    let output = Command::new("helm").args(["lint", "--strict"]).arg(chart).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The chart's schema speaks before anything reaches a cluster.
#[test]
fn a_value_that_cannot_be_is_refused_with_its_name() {
    for (value, word) in [
        ("agent.gate=cillium", "/agent/gate"),
        ("agent.privileged=true", "privileged"),
        ("prefix=kubernetes.io", "/prefix"),
        ("prefix=node.kubernetes.io", "/prefix"),
        ("image.digest=latest", "/image/digest"),
        ("agent.env.PATH=x", "PATH"),
        ("policies.validationActions={Allow}", "/policies/validationActions"),
    ] {
        let chart = bpfready_tests::root().join("manifests/helm/bpfready");
        let mut helm = Command::new("helm");
        let output = helm.arg("template").arg(chart).args(["--set", value]).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{value} was taken");
        assert!(words.contains(word), "{value}: {words}");
    }
}
