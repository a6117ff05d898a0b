//! `cargo xtask bench`: the figures of speed, beside bpftool, in one run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::kernels::reference;
use crate::setup::Purpose;
use crate::{build, process, setup};

/// Rounds; in each, every program runs once, so that a busy moment hits all alike.
const ROUNDS: usize = 21;
/// Our full probe takes at most this share of bpftool's time.
const PROBE_RATIO: f64 = 0.5;
/// From start to verdict.
const CHECK: Duration = Duration::from_millis(150);

/// Measures and prints a table for docs/benchmarks.md.
pub(crate) fn bench() -> Result<()> {
    setup::setup(Purpose::Kernels)?;
    let agent = build::release()?;
    let reference = reference::host()?;
    let mut programs = [
        Program::new("bpftool feature probe kernel full", || {
            reference.command(&["-j", "feature", "probe", "kernel", "full"])
        }),
        Program::new("bpfready check -o bpftool", || check(&agent, &["-o", "bpftool"])),
        Program::new("bpfready check", || check(&agent, &[])),
    ];
    for _ in 0..ROUNDS {
        for program in &mut programs {
            program.run()?;
        }
    }
    print(&reference.version()?, &programs)
}

fn check(agent: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(agent);
    command.arg("check").args(args);
    command
}

/// One of the programs that are measured, and how long its runs took.
struct Program<'a> {
    name: &'static str,
    command: Box<dyn Fn() -> Command + 'a>,
    times: Vec<Duration>,
}

impl<'a> Program<'a> {
    fn new(name: &'static str, command: impl Fn() -> Command + 'a) -> Self {
        Self { name, command: Box::new(command), times: Vec::new() }
    }

    fn run(&mut self) -> Result<()> {
        let mut command = (self.command)();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status();
        self.times.push(start.elapsed());
        // An exit code says yes or no here; not to start at all is the only failure.
        status.with_context(|| format!("cannot start {}", process::words(&command)))?;
        Ok(())
    }

    fn median(&self) -> Duration {
        median(&self.times)
    }

    fn fastest(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn print(version: &str, programs: &[Program<'_>; 3]) -> Result<()> {
    let kernel = process::text(Command::new("uname").arg("-r"))?;
    println!("Kernel {kernel}, {version}, {ROUNDS} interleaved rounds, release build.\n");
    println!("| program | median ms | fastest ms |\n| --- | ---: | ---: |");
    for program in programs {
        let [median, fastest] = [program.median(), program.fastest()].map(millis);
        println!("| `{}` | {median:.1} | {fastest:.1} |", program.name);
    }
    let [bpftool, probe, check] = programs.each_ref().map(Program::median);
    let ratio = probe.as_secs_f64() / bpftool.as_secs_f64();
    println!("\n| figure | wanted | measured | |\n| --- | --- | --- | --- |");
    let verdict = |reached| if reached { "reached" } else { "missed" };
    let reached = verdict(ratio <= PROBE_RATIO);
    println!("| full probe / bpftool | at most {PROBE_RATIO} | {ratio:.2} | {reached} |");
    let [wanted, measured] = [CHECK, check].map(millis);
    let reached = verdict(check < CHECK);
    println!("| start to verdict | under {wanted:.0} ms | {measured:.1} ms | {reached} |");
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_does_not_mind_one_slow_run() {
        let times = [3, 900, 1, 2, 4].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(3));
    }
}
