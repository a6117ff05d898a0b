//! `cargo xtask test`: every test of the workspace.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::setup::Purpose;
use crate::{places, process, progress, setup};

/// How many tests ran, and how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

/// Runs all tests and shows their sum; extra arguments go to `cargo test`.
pub(crate) fn test(args: &[String]) -> Result<()> {
    setup::setup(Purpose::Test)?;
    let count = all(args)?;
    println!("{}", count.line());
    Ok(())
}

/// `PATH` with the tools that `setup` unpacked.
fn path_with_tools() -> Result<OsString> {
    let unpacked = [setup::PROMETHEUS, setup::NODE_EXPORTER].map(setup::Unpacked::program);
    let tools = unpacked.into_iter().chain([setup::kubernetes_tool("helm")]).collect::<Vec<_>>();
    let tools = tools.iter().filter_map(|it| it.parent()).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(env::split_paths(&path).chain(tools))?)
}

/// The tests of a container that is made as the DaemonSet says, and compared with outside; what
/// is in it comes by the environment.
pub(crate) fn in_container() -> Result<Command> {
    let mut cargo = process::cargo();
    // Without `--test it`: dependencies would have other features, and be built twice.
    cargo.args(["test", "--workspace", "container", "--"]);
    cargo.args(["--ignored", "--nocapture", "--test-threads=1"]).current_dir(places::root());
    cargo.env("PATH", path_with_tools()?);
    Ok(cargo)
}

/// The program that holds the tests of this name, as [`all`] built it or builds it.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    progress::step("building the tests", || {
        let mut cargo = process::cargo();
        // Without `--test`: dependencies would have other features, and be built twice.
        cargo.args(["test", "--workspace", "--no-run", "--message-format=json"]);
        // Some build scripts of others run again when PATH is another.
        cargo.env("PATH", path_with_tools()?).current_dir(places::root());
        let lines = process::text(&mut cargo)?;
        let mut messages = lines.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
        let of_it = |it: &Value| it["target"]["name"] == name && it["executable"].is_string();
        let found = messages.rfind(of_it).with_context(|| format!("cargo built no {name}"))?;
        Ok(PathBuf::from(found["executable"].as_str().unwrap_or_default()))
    })
}

/// Runs all tests, showing what they print.
pub(crate) fn all(args: &[String]) -> Result<Count> {
    let mut cargo = process::cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(args).current_dir(places::root());
    cargo.env("RUSTDOC", rustdoc()?);
    cargo.env("PATH", path_with_tools()?);
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut count = Count::default();
    for line in BufReader::new(child.stdout.take().context("the pipe was asked for")?).lines() {
        let line = line?;
        count.add(&line);
        writeln!(std::io::stdout(), "{line}")?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo test failed ({status}): {}", count.line());
    }
    if count.passed == 0 {
        bail!("no test ran");
    }
    Ok(count)
}

/// The compiler's own rustdoc. The first one in PATH may be that of Debian's compiler, which is
/// another version and cannot read what this one compiled.
fn rustdoc() -> Result<PathBuf> {
    let sysroot = process::text(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot).join("bin/rustdoc"))
}

impl Count {
    /// Adds one line of `cargo test`, if it is a summary.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else { return };
        let Some((_, counts)) = summary.split_once(". ") else { return };
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((n, "passed")) => self.passed += n.parse::<u64>().unwrap_or(0),
                Some((n, "failed")) => self.failed += n.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// The sum in one line.
    pub(crate) fn line(self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_several_binaries_are_summed() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; finished in 1s");
        count.add("test some::thing ... ok");
        assert_eq!(count.line(), "15 passed, 2 failed");
    }
}
