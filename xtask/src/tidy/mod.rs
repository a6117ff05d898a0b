//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md that a program can check.
//!
//! One rule a file, its tests beneath it. A rule is a function from the parsed sources to what it
//! found; none of them looks at the disk.

mod docs;
mod layers;
mod names;
mod paths;
mod purity;
mod reserved;
mod sizes;
mod source;

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{places, process};
use source::Source;

/// One place that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    path: String,
    /// From 1; 0 when the whole file is meant.
    line: usize,
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, message } = self;
        write!(f, "{path}:{line}: {message}")
    }
}

/// Checks every rule on every file of this checkout.
pub(crate) fn tidy() -> Result<()> {
    let sources = sources()?;
    let crates = dependencies_of_the_agent()?;
    let mut violations = Vec::new();
    for source in &sources {
        violations.extend(layers::check(source));
        violations.extend(purity::check(source, &crates));
        violations.extend(reserved::check(source));
        violations.extend(sizes::check(source));
        violations.extend(names::check(source));
    }
    violations.extend(docs::check(&texts(&["*.md"])?, &texts(&["*.md", "*.rs"])?));
    if violations.is_empty() {
        println!("tidy: {} files, 6 rules", sources.len());
        return Ok(());
    }
    for violation in &violations {
        println!("{violation}");
    }
    bail!("{} violations of the rules in ARCHITECTURE.md", violations.len())
}

/// Every Rust file that git would commit.
fn sources() -> Result<Vec<Source>> {
    texts(&["*.rs"])?.into_iter().map(|(path, text)| Source::parse(path, &text)).collect()
}

/// Path and content of the files that git would commit.
fn texts(globs: &[&str]) -> Result<Vec<(String, String)>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "--"]).args(globs);
    let listing = process::text(git.current_dir(places::root()))?;
    let existing = listing.lines().filter(|it| places::root().join(it).is_file());
    existing
        .map(|path| {
            let text = fs::read_to_string(places::root().join(path))
                .with_context(|| format!("cannot read {path}"))?;
            Ok((path.to_owned(), text))
        })
        .collect()
}

/// Names, as code writes them, of the crates that package `bpfready` depends on.
fn dependencies_of_the_agent() -> Result<Vec<String>> {
    let mut cargo = process::cargo();
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let bytes = process::output(cargo.current_dir(places::root()))?;
    let metadata: serde_json::Value = serde_json::from_slice(&bytes)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let agent = packages.iter().find(|it| it["name"] == "bpfready");
    let agent = agent.context("package bpfready is in the workspace")?;
    let dependencies = agent["dependencies"].as_array().context("it lists dependencies")?;
    let names = dependencies.iter().filter_map(|it| it["name"].as_str());
    Ok(names.map(|it| it.replace('-', "_")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_checkout_is_tidy() {
        tidy().unwrap();
    }

    #[test]
    fn the_agents_crates_are_known_by_their_names_in_code() {
        let crates = dependencies_of_the_agent().unwrap();
        assert!(crates.contains(&"tracing_subscriber".to_owned()), "{crates:?}");
    }
}
