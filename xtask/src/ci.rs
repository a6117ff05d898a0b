//! `cargo xtask ci`: what must hold before anything lands. Cheap failures come first.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use crate::setup::{self, Purpose};
use crate::{
    build, container, docs, fuzz, kernels, manifests, places, process, progress, test, tidy,
};

/// How long each fuzz target runs here; `cargo xtask fuzz` looks longer.
const FUZZ_SECONDS: u32 = 5;

/// Does everything, in order, and stops at the first thing that does not hold.
pub(crate) fn ci() -> Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", || cargo(&["fmt", "--all", "--check"]))?;
    steps.run("tidy", tidy::tidy)?;
    // Those that are made from code are checked by the tests.
    steps.run("docs", || docs::of_data(docs::Mode::Check))?;
    steps.run("setup", || setup::setup(Purpose::Ci))?;
    steps.run("manifests", || manifests::manifests(manifests::Mode::Check))?;
    let lint = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    steps.run("clippy", || cargo(&lint))?;
    steps.run("licences", deny)?;
    let count = steps.run("test", || test::all(&[]))?;
    let binary = steps.run("build", builds)?;
    steps.run("container", || container::binary(&binary))?;
    steps.run("kernels", || kernels::kernels(&[]))?;
    steps.run("fuzz", || fuzz::fuzz(None, FUZZ_SECONDS))?;
    steps.print();
    println!("{}", count.line());
    Ok(())
}

/// Builds what the later steps run; gives back where the release binary is. Its link-time
/// optimisation keeps one processor busy for minutes: the others are built beside it.
fn builds() -> Result<PathBuf> {
    setup::setup(Purpose::Kernels)?;
    std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            build::arm64(&build::PROBES_ALONE)?;
            fuzz::build()
        });
        let binary = build::release();
        others.join().map_err(|_| anyhow!("a build panicked"))??;
        binary
    })
}

fn cargo(args: &[&str]) -> Result<()> {
    process::run(process::cargo().args(args).current_dir(places::root()))
}

/// Licences, sources and duplicates of every dependency. Advisories are not among them: their
/// database is not within reach of the machines that build this.
fn deny() -> Result<()> {
    let mut deny = Command::new(setup::deny());
    process::run(deny.args(["check", "bans", "licenses", "sources"]).current_dir(places::root()))
}

/// What was done and how long it took.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work().with_context(|| format!("ci step {name}"))?;
        println!("== {name}: ok in {}", progress::human(start.elapsed()));
        self.done.push((name, start.elapsed()));
        Ok(result)
    }

    fn print(&self) {
        println!("\n== all steps");
        for (name, took) in &self.done {
            println!("{name:<10} {:>12}", progress::human(*took));
        }
        let total = self.done.iter().map(|(_, took)| *took).sum();
        println!("{:<10} {:>12}", "total", progress::human(total));
    }
}
