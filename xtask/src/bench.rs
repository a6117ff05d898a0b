//! `cargo xtask bench`: the figures of speed, beside bpftool, in one run.

mod agent;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::kernels::reference;
use crate::setup::Purpose;
use crate::{build, places, process, setup};

/// Rounds; in each, every program runs once, so that a busy moment hits all alike.
const ROUNDS: usize = 21;
/// Our full probe takes at most this share of bpftool's time.
const PROBE_RATIO: f64 = 0.5;
/// From start to verdict.
const CHECK: Duration = Duration::from_millis(150);

/// A bench that is a program of its own, in `tests/examples`.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum What {
    /// 5,000 agents against the in-process API server: writes per second
    Fleet,
    /// The running agent beside prometheus-node-exporter: memory, processor, scrapes
    Agent,
    /// The running agent in bad weather, for ten minutes: memory and descriptors
    Soak,
    /// `bpfready cluster` on 5,000 nodes and 100,000 pods
    Cluster,
    /// How soon a change is seen; a look at 10,000 links and 2,000 programs
    Datapath,
}

/// Builds it optimised and runs it, for so many `seconds` where it is one that lasts.
pub(crate) fn example(what: What, seconds: Option<u64>) -> Result<()> {
    setup::setup(Purpose::Build)?;
    match what {
        What::Fleet => process::run(&mut Command::new(built("fleet")?)),
        What::Soak => soak(seconds),
        What::Agent => agent::agent(seconds),
        What::Cluster => cluster(),
        What::Datapath => datapath(),
    }
}

fn soak(seconds: Option<u64>) -> Result<()> {
    let mut soak = Command::new(built("soak")?);
    soak.env("BPFREADY_BIN", shipped()?).args(seconds.map(|it| it.to_string()));
    process::run(&mut soak)
}

/// A program of `tests/examples`, built optimised; one of that name in the folder that
/// `BPFREADY_BENCHES` names is taken as it is.
fn built(name: &str) -> Result<PathBuf> {
    if let Some(there) = finished(name) {
        return Ok(there);
    }
    let mut cargo = process::cargo();
    cargo.args(["build", "--quiet", "--release", "--package", "bpfready-tests", "--example", name]);
    process::run(cargo.current_dir(places::root()))?;
    Ok(places::root().join("target/release/examples").join(name))
}

/// The usual fleet and the hard one, each with an API server of its own.
fn cluster() -> Result<()> {
    let (agent, example) = (shipped()?, built("cluster_scale")?);
    for fleet in ["usual", "hard"] {
        println!("\n### Fleet: {fleet}\n");
        process::run(Command::new(&example).arg(&agent).arg(fleet))?;
    }
    Ok(())
}

fn finished(name: &str) -> Option<PathBuf> {
    std::env::var_os("BPFREADY_BENCHES").map(|dir| PathBuf::from(dir).join(name))
}

/// In namespaces of its own: what is made there is gone with it.
fn datapath() -> Result<()> {
    let (agent, example) = (shipped()?, built("datapath")?);
    process::run(Command::new("unshare").args(["--net", "--mount"]).arg(example).arg(agent))
}

/// What is shipped, not what `cargo run` would build; `BPFREADY_BIN` names one that is there.
fn shipped() -> Result<PathBuf> {
    std::env::var_os("BPFREADY_BIN").map_or_else(build::release, |it| Ok(it.into()))
}

/// Measures and prints a table for docs/benchmarks.md.
pub(crate) fn bench() -> Result<()> {
    setup::setup(Purpose::Kernels)?;
    let agent = shipped()?;
    let probe = finished("kernel_probe").map_or_else(build::kernel_probe, Ok)?;
    let reference = reference::host()?;
    let mut programs = [
        Program::new("bpftool feature probe kernel full", || {
            reference.command(&["-j", "feature", "probe", "kernel", "full"])
        }),
        // The probe alone: `check` runs self-tests and looks at the network as well.
        Program::new("tests/examples/kernel_probe.rs", || Command::new(&probe)),
        Program::new("bpfready check", || check(&agent)),
    ];
    for _ in 0..ROUNDS {
        for program in &mut programs {
            program.run()?;
        }
    }
    print(&reference.version()?, &programs)
}

fn check(agent: &Path) -> Command {
    let mut command = Command::new(agent);
    command.arg("check");
    command
}

/// One of the programs that are measured, and how long its runs took.
struct Program<'a> {
    name: &'static str,
    command: Box<dyn Fn() -> Command + 'a>,
    times: Vec<Duration>,
    cpu: Duration,
}

impl<'a> Program<'a> {
    fn new(name: &'static str, command: impl Fn() -> Command + 'a) -> Self {
        Self { name, command: Box::new(command), times: Vec::new(), cpu: Duration::ZERO }
    }

    fn run(&mut self) -> Result<()> {
        let mut command = (self.command)();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (start, cpu) = (Instant::now(), cpu_of_children()?);
        let status = command.status();
        self.times.push(start.elapsed());
        self.cpu += cpu_of_children()?.saturating_sub(cpu);
        // An exit code says yes or no here; not to start at all is the only failure.
        status.with_context(|| format!("cannot start {}", process::words(&command)))?;
        Ok(())
    }

    fn median(&self) -> Duration {
        median(&self.times)
    }

    /// Processor time of a run: unlike wall time, it hardly grows when the machine is busy.
    fn cpu(&self) -> Duration {
        self.cpu / u32::try_from(self.times.len().max(1)).unwrap_or(u32::MAX)
    }

    fn fastest(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }
}

/// Processor time of all children that ended, in user and kernel mode (proc_pid_stat(5): `cutime`
/// and `cstime`, the 16th and 17th field, in hundredths of a second on every architecture here).
fn cpu_of_children() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    Ok(Duration::from_millis(10 * ticks(&stat).context("/proc/self/stat: not as documented")?))
}

fn ticks(stat: &str) -> Option<u64> {
    // The second field is a name in parentheses, which may hold spaces; the third comes after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn print(version: &str, programs: &[Program<'_>; 3]) -> Result<()> {
    let kernel = process::text(Command::new("uname").arg("-r"))?;
    println!("Kernel {kernel}, {version}, {ROUNDS} interleaved rounds, release build.\n");
    println!("| program | median ms | fastest ms | processor ms |\n| --- | ---: | ---: | ---: |");
    for program in programs {
        let times = [program.median(), program.fastest(), program.cpu()];
        let [median, fastest, cpu] = times.map(millis);
        println!("| `{}` | {median:.1} | {fastest:.1} | {cpu:.1} |", program.name);
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
    fn ticks_are_the_16th_and_17th_field() {
        let stat = "7 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 160 1700 18 19";
        assert_eq!(ticks(stat), Some(1860));
    }

    #[test]
    fn a_median_does_not_mind_one_slow_run() {
        let times = [3, 900, 1, 2, 4].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(3));
    }
}
