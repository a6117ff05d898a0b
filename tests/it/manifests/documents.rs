//! Manifests as documents: made by the real tools, read as JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The overlays, each with a file of values of the same name that makes the same of the chart.
pub(super) const OVERLAYS: [&str; 6] = [
    "eks",
    "least-privilege",
    "nodepool-labels",
    "prometheus-operator",
    "secure-serving",
    "statistics",
];

/// What `kubectl apply -k manifests/FOLDER` would send.
pub(crate) fn kustomized(folder: &str) -> Vec<Value> {
    let dir = bpfready_tests::root().join("manifests").join(folder);
    read(&printed(Command::new("kubectl").arg("kustomize").arg(dir)))
}

/// What `helm install --values manifests/helm/values/NAME.yaml` would send.
pub(super) fn templated(name: &str) -> Vec<Value> {
    read(&templated_text(name))
}

/// The same as the YAML that `helm template` prints.
pub(super) fn templated_text(name: &str) -> String {
    let values = bpfready_tests::root().join("manifests/helm/values");
    text_by(&values.join(name).with_extension("yaml"))
}

/// What the chart makes of any file of values.
pub(super) fn templated_by(values: &Path) -> Vec<Value> {
    read(&text_by(values))
}

fn text_by(values: &Path) -> String {
    let chart = bpfready_tests::root().join("manifests/helm/bpfready");
    let mut helm = Command::new("helm");
    helm.args(["template", "bpfready"]).arg(chart).args(["-n", "bpfready"]);
    printed(helm.arg("--values").arg(values))
}

/// What the chart makes of its defaults with one value said differently.
pub(super) fn templated_with(value: &str) -> Vec<Value> {
    let chart = bpfready_tests::root().join("manifests/helm/bpfready");
    let mut helm = Command::new("helm");
    helm.args(["template", "bpfready"]).arg(chart).args(["-n", "bpfready", "--set", value]);
    read(&printed(&mut helm))
}

/// The documents of a YAML file.
pub(super) fn file(path: &Path) -> Vec<Value> {
    read(&std::fs::read_to_string(path).unwrap())
}

/// Kind and name, for messages and for comparing two lists.
pub(super) fn title(document: &Value) -> String {
    let word = |pointer| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}/{}", word("/kind"), word("/metadata/namespace"), word("/metadata/name"))
}

/// The document of this kind and name.
#[track_caller]
pub(super) fn named<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = documents.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn read(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(|it| !it.is_null()).collect()
}

/// What a tool prints; `cargo xtask test` brings the tools.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{error}: {command:?} is on PATH: `cargo xtask test` sees to it")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
