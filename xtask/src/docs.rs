//! `cargo xtask docs`: pages that are written from data, so that they cannot drift from it.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::kernels::differences::{Explanation, Table};
use crate::setup::{self, Purpose};
use crate::{places, process};

const DIFFERENCES: &str = "docs/bpftool-differences.md";

/// What to do with the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them.
    Write,
    /// Fail if one is not what would be written.
    Check,
}

/// Writes or checks every page.
pub(crate) fn docs(mode: Mode) -> Result<()> {
    of_data(mode)?;
    of_code(mode)
}

/// docs/metrics.md and docs/labels.md: a test of the agent's package compares them, and writes them
/// when it is told to, so that CI builds nothing for them alone.
fn of_code(mode: Mode) -> Result<()> {
    setup::setup(Purpose::Build)?;
    let mut cargo = process::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--test", "it", "reference::"]);
    if mode == Mode::Write {
        cargo.env("BLESS", "1");
    }
    process::run(cargo.current_dir(places::root()))
}

/// The pages that are made from files, which takes no build.
pub(crate) fn of_data(mode: Mode) -> Result<()> {
    let table = Table::read(&places::differences())?;
    page(mode, DIFFERENCES, &differences(&table))
}

fn page(mode: Mode, path: &str, text: &str) -> Result<()> {
    let file = places::root().join(path);
    match mode {
        Mode::Write => {
            fs::create_dir_all(places::root().join("docs"))?;
            fs::write(&file, text).with_context(|| format!("cannot write {path}"))
        }
        Mode::Check if fs::read_to_string(&file).is_ok_and(|it| it == text) => Ok(()),
        Mode::Check => bail!("{path} is not up to date: run `cargo xtask docs`"),
    }
}

fn differences(table: &Table) -> String {
    let mut page = String::from(
        "# Where bpfready and bpftool differ\n\n\
         `cargo xtask kernels` runs `bpfready check -o bpftool` and `bpftool -j feature probe kernel full` in the same \
         virtual machine and fails on every difference that is not listed here.\n\
         Written by `cargo xtask docs` from `tests/bpftool-differences.json`.\n\n",
    );
    if table.explanations.is_empty() {
        page += "None is listed.\n";
    }
    for it in &table.explanations {
        section(&mut page, it).expect("a String takes everything");
    }
    page
}

fn section(page: &mut String, it: &Explanation) -> std::fmt::Result {
    let Explanation { kernels, at, bpftool, bpfready, right, why, source } = it;
    let code =
        |list: &[String]| list.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let who = if right == "both" { "Two questions" } else { right };
    writeln!(page, "## {}\n", code(at))?;
    writeln!(page, "bpftool: {bpftool}, bpfready: {bpfready}; kernels {}.", code(kernels))?;
    writeln!(page, "**Right: {who}.** {why}\n")?;
    for it in source {
        writeln!(page, "- {it}")?;
    }
    writeln!(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_a_section_with_its_sources() {
        let explanation = Explanation {
            kernels: vec!["5.10".into()],
            at: vec!["misc/x".into()],
            bpftool: true.into(),
            bpfready: false.into(),
            right: "bpfready".into(),
            why: "Because.".into(),
            source: vec!["https://example.org/a.c#L1".into()],
        };
        let page = differences(&Table { explanations: vec![explanation] });
        assert!(page.contains("## `misc/x`\n"), "{page}");
        assert!(page.contains("**Right: bpfready.** Because.\n\n- https://example.org/a.c#L1\n"));
    }
}
