//! `cargo xtask manifests`: the Kustomize base and its parts, made from the Helm chart, so that
//! there is one source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::Purpose;
use crate::{places, process, setup};

const CHART: &str = "manifests/helm/bpfready";
const NOTE: &str = "# Made by `cargo xtask manifests` from manifests/helm/bpfready: edit that.\n";

/// Write the files, or only say whether they are what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// A folder of `manifests` that holds what the chart makes of some values.
struct Part {
    folder: &'static str,
    values: &'static [&'static str],
    /// The templates to keep, by the names that they get here; all when empty.
    only: &'static [&'static str],
}

const PARTS: &[Part] = &[
    Part { folder: "base", values: &["namespace.create=true"], only: &[] },
    Part {
        folder: "components/secure-serving",
        values: &["secureServing.enabled=true"],
        only: &["secure-serving.yaml"],
    },
    Part {
        folder: "components/nodepool-labels",
        values: &["karpenter.labelNodePools=true"],
        only: &["controller-rbac-nodepools.yaml", "policies-controller-nodepools.yaml"],
    },
    Part {
        folder: "components/prometheus-operator",
        values: &["monitoring.podMonitor=true", "monitoring.prometheusRule=true"],
        only: &["monitoring-podmonitor.yaml", "monitoring-prometheusrule.yaml"],
    },
    Part {
        folder: "components/grafana",
        values: &["monitoring.dashboards=true"],
        only: &["monitoring-dashboards.yaml"],
    },
];

/// Makes every part.
pub(crate) fn manifests(mode: Mode) -> Result<()> {
    setup::setup(Purpose::Test)?;
    let mut stale = Vec::new();
    for part in PARTS {
        let folder = places::root().join("manifests").join(part.folder);
        let mut files = render(part)?;
        if part.only.is_empty() {
            files.insert("kustomization.yaml".into(), kustomization(files.keys()));
        }
        stale.extend(left_over(&files, &folder));
        stale.extend(files.into_iter().filter_map(|(name, text)| differs(folder.join(name), text)));
    }
    match mode {
        Mode::Write => stale.iter().try_for_each(Stale::mend),
        Mode::Check if stale.is_empty() => Ok(()),
        Mode::Check => {
            let names: Vec<_> = stale.iter().map(|it| it.path.display().to_string()).collect();
            bail!("not what the chart makes: {}; run `cargo xtask manifests`", names.join(", "))
        }
    }
}

/// A file that is not what it should be.
struct Stale {
    path: PathBuf,
    /// What it should be; `None`: it should not be there.
    text: Option<String>,
}

impl Stale {
    fn mend(&self) -> Result<()> {
        println!("{}", self.path.display());
        let Some(text) = &self.text else { return Ok(fs::remove_file(&self.path)?) };
        fs::create_dir_all(self.path.parent().context("a file is in a folder")?)?;
        fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn differs(path: PathBuf, text: String) -> Option<Stale> {
    let is_there = fs::read_to_string(&path).is_ok_and(|it| it == text);
    (!is_there).then_some(Stale { path, text: Some(text) })
}

/// What an earlier chart made and this one does not.
fn left_over(made: &BTreeMap<String, String>, folder: &Path) -> Vec<Stale> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.filter_map(|it| Some(it.ok()?.path()));
    let ours = files.filter(|it| fs::read_to_string(it).is_ok_and(|it| it.starts_with(NOTE)));
    let is_made = |path: &PathBuf| {
        path.file_name().is_some_and(|it| made.contains_key(it.to_string_lossy().as_ref()))
    };
    ours.filter(|it| !is_made(it)).map(|path| Stale { path, text: None }).collect()
}

/// The files of one part, by name.
fn render(part: &Part) -> Result<BTreeMap<String, String>> {
    let mut helm = Command::new(setup::kubernetes_tool("helm"));
    helm.args(["template", "bpfready", CHART, "--namespace", "bpfready"]);
    helm.args(part.values.iter().flat_map(|it| ["--set", it])).current_dir(places::root());
    let mut files = split(&process::text(&mut helm)?);
    if !part.only.is_empty() {
        files.retain(|name, _| part.only.contains(&name.as_str()));
        if files.len() != part.only.len() {
            bail!("the chart no longer makes all of {:?}", part.only);
        }
    }
    Ok(files)
}

/// Splits what `helm template` prints into files: `agent/rbac.yaml` becomes `agent-rbac.yaml`.
fn split(printed: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for document in printed.split("---\n# Source: bpfready/templates/").skip(1) {
        let Some((template, body)) = document.split_once('\n') else { continue };
        let file = files.entry(template.replace('/', "-")).or_insert_with(|| NOTE.to_owned());
        if file != NOTE {
            *file += "---\n";
        }
        *file += body.trim_end();
        *file += "\n";
    }
    files
}

fn kustomization<'a>(files: impl Iterator<Item = &'a String>) -> String {
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";
    let resources: String = files.map(|it| format!("  - {it}\n")).collect();
    format!("{NOTE}{head}{resources}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_template_is_one_file_with_all_its_documents() {
        let printed = "---\n# Source: bpfready/templates/agent/rbac.yaml\nkind: A\n\
                       ---\n# Source: bpfready/templates/namespace.yaml\nkind: B\n\
                       ---\n# Source: bpfready/templates/agent/rbac.yaml\nkind: C\n";
        let files = split(printed);
        assert_eq!(files["agent-rbac.yaml"], format!("{NOTE}kind: A\n---\nkind: C\n"));
        assert_eq!(files["namespace.yaml"], format!("{NOTE}kind: B\n"));
        assert_eq!(files.len(), 2);
    }

    #[test]
    fn the_base_lists_its_files() {
        let files = ["a.yaml".to_owned(), "b.yaml".to_owned()];
        assert!(kustomization(files.iter()).ends_with("resources:\n  - a.yaml\n  - b.yaml\n"));
    }
}
