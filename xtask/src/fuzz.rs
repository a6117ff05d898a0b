//! `cargo xtask fuzz`: feeds the parsers of foreign bytes with bytes that nobody thought of.
//!
//! The programs are in `fuzz/`, laid out for cargo-fuzz, which needs a nightly compiler for its
//! sanitizers. Safe Rust has little for those to find, while coverage counters and libFuzzer work
//! with the stable compiler: so they are built here, without cargo-fuzz.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::setup::{self, Purpose};
use crate::{apt, places, process, progress};

/// What `cargo fuzz build --sanitizer none` passes: coverage counters per edge, comparisons.
const COVERAGE: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// As many as the smallest machine that this runs on has cores.
const PARALLEL: usize = 2;
/// Enough for every parser: the largest promise of memory that any of them makes.
const MEMORY_MIB: u32 = 1024;
/// One input that takes longer than this is a finding, in seconds.
const SLOW_SECONDS: u32 = 10;

/// Runs one target, or all of them, for `seconds` each; fails on the first finding and keeps it.
pub(crate) fn fuzz(target: Option<&str>, seconds: u32) -> Result<()> {
    setup::setup(Purpose::Build)?;
    let targets = chosen(target)?;
    let binaries = progress::step("building the fuzz targets", build)?;
    for few in targets.chunks(PARALLEL) {
        let ended = std::thread::scope(|scope| {
            let running = few.iter().map(|name| scope.spawn(|| run(&binaries, name, seconds)));
            let running: Vec<_> = running.collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for it in ended {
            it.map_err(|_| anyhow!("a thread panicked"))??;
        }
    }
    println!("fuzz: {} targets, {seconds} s each, no finding", targets.len());
    Ok(())
}

/// libFuzzer is C++ and comes as source.
fn compiler() -> Result<()> {
    if Command::new("c++").arg("--version").output().is_ok() {
        return Ok(());
    }
    if !apt::is_here() {
        bail!("libFuzzer needs a C++ compiler, and there is no `c++` in the PATH");
    }
    progress::step("installing g++", || apt::install(&["g++"]))
}

fn folder() -> PathBuf {
    places::root().join("fuzz")
}

/// The targets are the files of `fuzz/targets`.
fn chosen(target: Option<&str>) -> Result<Vec<String>> {
    let dir = folder().join("targets");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "rs") {
            names.extend(path.file_stem().map(|it| it.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    let Some(target) = target else { return Ok(names) };
    if !names.iter().any(|it| it == target) {
        bail!("there is no fuzz target {target}; there are {}", names.join(", "));
    }
    Ok(vec![target.to_owned()])
}

/// Builds all targets; gives the folder that they are in.
pub(crate) fn build() -> Result<PathBuf> {
    compiler()?;
    let version = process::text(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|it| it.strip_prefix("host: "));
    let host = host.context("rustc -vV names no host")?;
    let target = places::target().join("fuzz");
    lock()?;
    let mut cargo = process::cargo();
    // With --target, build scripts and macros are compiled without the counters.
    cargo.args(["build", "--release", "--bins", "--target", host]);
    cargo.current_dir(folder()).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", COVERAGE);
    process::logged(&places::log("fuzz"), &mut cargo)?;
    Ok(target.join(host).join("release"))
}

/// Starts from the workspace's lock file, so that what is fuzzed is what is shipped; cargo adds what
/// only the targets need.
fn lock() -> Result<()> {
    let (from, to) = (places::root().join("Cargo.lock"), folder().join("Cargo.lock"));
    fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn run(binaries: &Path, name: &str, seconds: u32) -> Result<()> {
    // What libFuzzer finds interesting is kept for the next run; the seeds are only read.
    let corpus = places::target().join("fuzz/corpus").join(name);
    let findings = places::target().join("fuzz/findings");
    let scratch = places::target().join("fuzz/tmp");
    for dir in [&corpus, &findings, &scratch] {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let found = findings.join(format!("{name}-"));
    let log = places::log(&format!("fuzz-{name}"));
    let mut fuzzer = Command::new(binaries.join(name));
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    fuzzer.arg(format!("-timeout={SLOW_SECONDS}"));
    fuzzer.arg(format!("-artifact_prefix={}", found.display()));
    fuzzer.arg("-print_final_stats=1").env("TMPDIR", &scratch).arg(&corpus);
    let seeds = folder().join("seeds").join(name);
    if seeds.is_dir() {
        fuzzer.arg(seeds);
    }
    let what = format!("fuzzing {name}");
    progress::step(&what, || process::logged(&log, &mut fuzzer)).with_context(|| {
        format!(
            "the input is kept as {}…; add it to fuzz/seeds/{name} with the fix",
            found.display()
        )
    })
}
