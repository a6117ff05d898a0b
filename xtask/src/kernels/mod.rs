//! `cargo xtask kernels`: the agent on Debian's kernels, in virtual machines, beside bpftool, and the
//! tests that need more of a kernel than this machine's has.

mod arch;
mod datapath;
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
use vm::Guest;

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
        let name = machine.guest.name;
        let judged = outcome.and_then(|took| match machine.kernel {
            Some(kernel) => judge(kernel, machine, took, &table, &mut used),
            None => datapath::judge(&machine.guest, took),
        });
        match judged {
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

/// A machine with everything to boot it.
struct Machine {
    /// The kernel that is compared; `None`: the machine of [`datapath`].
    kernel: Option<&'static Kernel>,
    release: String,
    guest: Guest,
}

/// What a person named; `None`: the machine of [`datapath`], which is the first to boot since it
/// is the last to end.
fn choose(names: &[String]) -> Result<Vec<Option<&'static Kernel>>> {
    if names.is_empty() {
        return Ok(std::iter::once(None).chain(KERNELS.iter().map(Some)).collect());
    }
    let by_name = |name: &String| {
        if name == datapath::NAME {
            return Ok(None);
        }
        let known: Vec<_> = KERNELS.iter().map(|it| it.name).collect();
        let found = KERNELS.iter().find(|it| it.name == name);
        let names = known.join(" ");
        found.map(Some).with_context(|| format!("no kernel {name}; there are {names} datapath"))
    };
    names.iter().map(by_name).collect()
}

fn prepare(chosen: &[Option<&'static Kernel>]) -> Result<Vec<Machine>> {
    let needs = |arch| chosen.iter().any(|it| it.map_or(Arch::Amd64, Kernel::arch) == arch);
    let agents = [
        needs(Arch::Amd64).then(agent).transpose()?,
        needs(Arch::Arm64).then(|| build::arm64(&build::PROBES_ALONE)).transpose()?,
    ];
    progress::step("fetching kernels and bpftool", || {
        chosen.iter().map(|kernel| machine(*kernel, &agents)).collect()
    })
}

/// The release binary; `BPFREADY_BIN` names another one, as for the tests.
fn agent() -> Result<PathBuf> {
    std::env::var_os("BPFREADY_BIN").map_or_else(build::release, |it| Ok(PathBuf::from(it)))
}

fn machine(kernel: Option<&'static Kernel>, agents: &[Option<PathBuf>; 2]) -> Result<Machine> {
    let named = || KERNELS.iter().find(|it| it.name == datapath::KERNEL);
    let booted = kernel.or_else(named).context("the datapath's kernel is one of them")?;
    let agent = match booted.arch() {
        Arch::Amd64 => &agents[0],
        Arch::Arm64 => &agents[1],
    };
    let agent = agent.as_ref().context("the agent was built for every chosen kernel")?;
    let image = booted.image().with_context(|| format!("kernel {}", booted.name))?;
    let tools = initramfs::tools(booted.arch())?;
    let guest = match kernel {
        None => datapath::guest(&image, &tools, agent)?,
        Some(kernel) => {
            // Not `with_extension`: it would take `.10` of `5.10` for one.
            let initrd = places::kernels().join(format!("{}.cpio", kernel.name));
            initramfs::build(&image, &tools, agent, &initrd)?;
            image::guest(&image, kernel.name, initrd)?
        }
    };
    Ok(Machine { kernel, release: image.release, guest })
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
            let booted = boot(&it.guest);
            let took = start.elapsed();
            eprintln!("xtask: {} stopped after {}", it.guest.name, progress::human(took));
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
fn boot(guest: &Guest) -> Result<()> {
    vm::boot(guest).or_else(|error| {
        println!("{}: {error:#}\n{}: once more", guest.name, guest.name);
        vm::boot(guest)
    })
}

/// Compares what came out of one machine; `false` when something is not as it should be.
fn judge(
    kernel: &Kernel,
    machine: &Machine,
    took: Duration,
    table: &Table,
    used: &mut BTreeSet<usize>,
) -> Result<bool> {
    let Machine { release, guest: Guest { results, .. }, .. } = machine;
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
