//! `cargo xtask kernels`: the agent on Debian's kernels, in virtual machines, beside bpftool.

mod arch;
pub(crate) mod differences;
mod image;
mod initramfs;
pub(crate) mod reference;
mod rungs;
mod vm;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::setup::{self, Purpose};
use crate::{build, places, progress};
use arch::Arch;
use differences::{Difference, Table, differences, grouped};
use image::{KERNELS, Kernel};

/// As many as the smallest machine that we build on has cores.
const PARALLEL: usize = 2;
/// Below root: the default DaemonSet, nobody, and nobody where unprivileged bpf(2) is allowed.
const LOWER_RUNGS: &[&str] = &["caps", "nobody", "open"];
/// How many lines of one kind are shown for one kernel.
const SHOWN: usize = 60;

/// Boots the kernels with these names, or all, and compares.
pub(crate) fn kernels(names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    setup::setup(Purpose::Kernels)?;
    let table = Table::read(&places::differences())?;
    let machines = prepare(&chosen)?;
    let outcomes = boot_all(&machines);
    let mut used = BTreeSet::new();
    let mut failed = Vec::new();
    for (machine, outcome) in machines.iter().zip(outcomes) {
        let name = machine.kernel.name;
        match outcome.and_then(|took| judge(machine, took, &table, &mut used)) {
            Ok(true) => {}
            Ok(false) => failed.push(name),
            Err(error) => {
                println!("{name}: {error:#}");
                failed.push(name);
            }
        }
    }
    // A line that explains nothing any more hides the next difference like it.
    if names.is_empty() {
        for unused in (0..table.explanations.len()).filter(|it| !used.contains(it)) {
            let explanation = &table.explanations[unused];
            println!("no kernel differs at {:?} on {:?}", explanation.at, explanation.kernels);
            failed.push("table");
        }
    }
    if !failed.is_empty() {
        bail!("kernels: not as they should be: {}", failed.join(" "));
    }
    Ok(())
}

/// A kernel with everything to boot it.
struct Machine {
    kernel: &'static Kernel,
    release: String,
    vmlinuz: PathBuf,
    initrd: PathBuf,
    results: PathBuf,
}

fn choose(names: &[String]) -> Result<Vec<&'static Kernel>> {
    if names.is_empty() {
        return Ok(KERNELS.iter().collect());
    }
    let by_name = |name: &String| {
        let known: Vec<_> = KERNELS.iter().map(|it| it.name).collect();
        let found = KERNELS.iter().find(|it| it.name == name);
        found.with_context(|| format!("no kernel {name}; there are {}", known.join(" ")))
    };
    names.iter().map(by_name).collect()
}

fn prepare(chosen: &[&'static Kernel]) -> Result<Vec<Machine>> {
    let needs = |arch| chosen.iter().any(|it| it.arch() == arch);
    let agents = [
        needs(Arch::Amd64).then(build::release).transpose()?,
        needs(Arch::Arm64).then(|| build::arm64(&build::PROBES_ALONE)).transpose()?,
    ];
    progress::step("fetching kernels and bpftool", || {
        chosen.iter().map(|kernel| machine(kernel, &agents)).collect()
    })
}

fn machine(kernel: &'static Kernel, agents: &[Option<PathBuf>; 2]) -> Result<Machine> {
    let agent = match kernel.arch() {
        Arch::Amd64 => &agents[0],
        Arch::Arm64 => &agents[1],
    };
    let agent = agent.as_ref().context("the agent was built for every chosen kernel")?;
    let image = kernel.image().with_context(|| format!("kernel {}", kernel.name))?;
    let tools = initramfs::tools(kernel.arch())?;
    // Not `with_extension`: it would take `.10` of `5.10` for one.
    let initrd = places::kernels().join(format!("{}.cpio", kernel.name));
    initramfs::build(&image, &tools, agent, &initrd)?;
    Ok(Machine {
        kernel,
        vmlinuz: image.vmlinuz()?,
        release: image.release,
        initrd,
        results: places::kernels().join("results").join(kernel.name),
    })
}

/// Boots all, a few at a time; the outcomes are in the order of the machines.
fn boot_all(machines: &[Machine]) -> Vec<Result<Duration>> {
    let next = Mutex::new(0..machines.len());
    let outcomes = Mutex::new((0..machines.len()).map(|_| None).collect::<Vec<_>>());
    let work = || {
        loop {
            let Some(index) = next.lock().expect("no thread panics with the lock").next() else {
                return;
            };
            let it = &machines[index];
            let start = Instant::now();
            let booted = boot(it);
            let took = start.elapsed();
            eprintln!("xtask: {} stopped after {}", it.kernel.name, progress::human(took));
            outcomes.lock().expect("no thread panics with the lock")[index] =
                Some(booted.map(|()| took));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(machines.len()) {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().expect("no thread panics with the lock");
    outcomes.into_iter().map(|it| it.unwrap_or_else(|| bail!("it was not booted"))).collect()
}

/// Emulators hang now and then, kernels of one release in one way do not: what gives no answer gets
/// a second try, and the first is told.
fn boot(it: &Machine) -> Result<()> {
    let once = || vm::boot(it.kernel.arch(), &it.vmlinuz, &it.initrd, &it.results);
    once().or_else(|error| {
        println!("{}: {error:#}\n{}: once more", it.kernel.name, it.kernel.name);
        once()
    })
}

/// Compares what came out of one machine; `false` when something is not as it should be.
fn judge(
    machine: &Machine,
    took: Duration,
    table: &Table,
    used: &mut BTreeSet<usize>,
) -> Result<bool> {
    let Machine { kernel, release, results, .. } = machine;
    let bpftool = json(results, "bpftool.json")?;
    let found = differences(&bpftool, &json(results, "root.bpftool.json")?);
    let (explained, unexplained): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| table.explain(kernel.name, it).is_some());
    used.extend(explained.iter().filter_map(|it| table.explain(kernel.name, it)));
    let root = json(results, "root.json")?;
    let mut contradictions = Vec::new();
    let mut known = vec![format!("root {}", rungs::known(&root["facts"]["bpf"]))];
    for rung in LOWER_RUNGS {
        let lower = json(results, &format!("{rung}.json"))?;
        known.push(format!("{rung} {}", rungs::known(&lower["facts"]["bpf"])));
        let found = rungs::contradictions(&root, &lower);
        contradictions.extend(found.iter().map(|it| format!("{rung}: {it}")));
    }
    println!(
        "{} ({release}, {}; {}): of bpftool's {} answers {} differ and are explained, {} are not; \
         yes or no of bpf(2): {}; {} contradictions",
        kernel.name,
        kernel.stands_for,
        progress::human(took),
        answers(&bpftool),
        explained.len(),
        unexplained.len(),
        known.join(", "),
        contradictions.len(),
    );
    show("unexplained", &grouped(&unexplained));
    show("contradiction", &contradictions);
    write_down(results, &unexplained)?;
    Ok(unexplained.is_empty() && contradictions.is_empty())
}

fn show(what: &str, lines: &[String]) {
    for line in lines.iter().take(SHOWN) {
        println!("  {what}: {line}");
    }
    if lines.len() > SHOWN {
        println!("  ... and {} more", lines.len() - SHOWN);
    }
}

fn write_down(results: &Path, unexplained: &[Difference]) -> Result<()> {
    let lines: String = unexplained.iter().map(|it| format!("{it}\n")).collect();
    Ok(fs::write(results.join("unexplained"), lines)?)
}

/// How many answers bpftool gave, each helper of each type being one.
fn answers(bpftool: &Value) -> usize {
    let sections = bpftool.as_object().into_iter().flatten();
    let keys = sections.flat_map(|(_, it)| it.as_object().into_iter().flatten());
    keys.map(|(_, it)| it.as_array().map_or(1, Vec::len)).sum()
}

/// A document that a program printed in the machine; what it complained about where it is none.
fn json(results: &Path, name: &str) -> Result<Value> {
    let bytes = fs::read(results.join(name)).with_context(|| format!("{name} was not sent"))?;
    serde_json::from_slice(&bytes).with_context(|| {
        let complaint = fs::read_to_string(results.join(format!("{name}.err"))).unwrap_or_default();
        format!("{name} is no JSON; the program said: {}", complaint.trim_end())
    })
}
