//! `cargo xtask manifests --audit`: what checkov finds is mended, or explained in the docs.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{places, process, progress, setup};

const CHECKOV: &str = "checkov==3.3.30";
/// Where each finding that stays is explained.
const EXPLAINED: &str = "docs/privileges.md";

/// What is checked for an image: that for others, and ours.
const RECIPES: [&str; 2] = ["Dockerfile", "manifests/image/Containerfile"];

/// Runs checkov on every overlay and on the recipes of the image.
pub(crate) fn audit() -> Result<()> {
    let dir = places::root().join("target/audit");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    for overlay in fs::read_dir(places::root().join("manifests/overlays"))? {
        let overlay = overlay?;
        let mut kubectl = Command::new(setup::kubernetes_tool("kubectl"));
        kubectl.arg("kustomize").arg(overlay.path());
        let into = dir.join(overlay.file_name());
        fs::create_dir_all(&into)?;
        fs::write(into.join("manifests.yaml"), process::output(&mut kubectl)?)?;
    }
    for recipe in RECIPES {
        let into = dir.join(recipe.replace('/', "-"));
        fs::create_dir_all(&into)?;
        // checkov knows a recipe by this name.
        fs::copy(places::root().join(recipe), into.join("Dockerfile"))?;
    }
    let found = findings(&serde_json::from_slice(&checkov(&dir)?)?);
    let text = fs::read_to_string(places::root().join(EXPLAINED))?;
    let is_explained = |id: &str| text.lines().any(|it| it.starts_with('|') && names(it, id));
    let open: Vec<_> = found.iter().filter(|it| !is_explained(it)).collect();
    if !open.is_empty() {
        bail!("checkov finds {open:?}: mend them, or say why not in {EXPLAINED}");
    }
    println!("checkov: {} kinds of finding, each explained in {EXPLAINED}", found.len());
    Ok(())
}

/// Whether the first cell of a row names this check.
fn names(row: &str, id: &str) -> bool {
    row.split('|').nth(1).is_some_and(|it| it.split(',').any(|it| it.trim() == id))
}

/// What checkov prints. Without `--skip-download` it would ask a server on the internet.
fn checkov(dir: &std::path::Path) -> Result<Vec<u8>> {
    let tool = places::tools().join("checkov");
    if !tool.join("checkov").exists() {
        progress::step("installing checkov (about a minute, once)", || {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--target"]);
            process::logged(&places::log("checkov"), pip.arg(&tool).arg(CHECKOV))
        })?;
    }
    let mut python = Command::new("python3");
    python.args(["-m", "checkov.main", "--skip-download", "--soft-fail", "--output", "json"]);
    python.args(["--framework", "kubernetes", "dockerfile", "--directory"]).arg(dir);
    process::output(python.env("PYTHONPATH", &tool)).context("checkov")
}

/// Ids of the checks that failed. One framework is an object, several are a list.
fn findings(printed: &Value) -> BTreeSet<String> {
    let one = std::slice::from_ref(printed);
    let frameworks = printed.as_array().map_or(one, Vec::as_slice);
    let failed = frameworks.iter().filter_map(|it| it["results"]["failed_checks"].as_array());
    failed.flatten().filter_map(|it| Some(it["check_id"].as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checks_of_all_frameworks_are_found() {
        let one = serde_json::json!({"results": {"failed_checks": [{"check_id": "A"}]}});
        let two = serde_json::json!([one, {"results": {"failed_checks": [{"check_id": "B"}]}}]);
        assert_eq!(findings(&one).len(), 1);
        assert_eq!(findings(&two).into_iter().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn a_check_is_explained_by_its_own_row_only() {
        assert!(names("| CKV_K8S_23, CKV_K8S_40 | no root | why |", "CKV_K8S_40"));
        assert!(!names("| CKV_K8S_23 | see CKV_K8S_4 | why |", "CKV_K8S_4"));
    }
}
