//! `cargo xtask bench datapath`: how soon a change is seen, and what a large host costs to look at.
//!
//! Runs in network and mount namespaces of its own, where the links are made.

use std::error::Error;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use bpfready::observe::Host;
use bpfready::observe::watch::{Pace, Trigger, Watcher};

#[path = "../it/datapath/kernel.rs"]
#[expect(clippy::unwrap_used, dead_code, reason = "shared with the tests")]
mod kernel;

use kernel::{Hook, Way};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const LOOPBACK: u32 = 1;
/// Times that each change is made.
const ROUNDS: usize = 9;
const PAIRS: u32 = 5_000;
const PROGRAMS: u32 = 2_000;
/// Index of the first link.
const FIRST: u32 = 100;

fn main() -> Result<()> {
    let binary = std::env::args().nth(1).ok_or("give the program to measure")?;
    println!("| a change | wanted | seen after, median | at most |\n| --- | --- | ---: | ---: |");
    changes()?;
    println!("\n| host | `check`, median | most memory |\n| --- | ---: | ---: |");
    look("one link", &binary)?;
    let _programs = crowd()?;
    look(&format!("{} links, {PROGRAMS} programs on them", PAIRS * 2), &binary)
}

/// A watcher and its word.
struct Watched {
    watcher: Watcher,
    woken: Receiver<()>,
}

impl Watched {
    fn start(host: Host) -> Result<Self> {
        let (sender, woken) = mpsc::channel();
        let wake = move || {
            // Nobody is left to wake at the end.
            let _ = sender.send(());
        };
        let watcher = Watcher::start(host, Pace::default(), wake).map_err(|it| it.detail)?;
        Ok(Self { watcher, woken })
    }

    /// What happened before has been told.
    fn settle(&self) {
        std::thread::sleep(Duration::from_secs(2));
        while self.woken.try_recv().is_ok() {}
        drop(self.watcher.take());
    }

    fn measure(
        &self,
        what: &str,
        by: Trigger,
        mut change: impl FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            self.settle();
            let start = Instant::now();
            change(round)?;
            while !self.watcher.take().is_some_and(|it| it.by.contains(&by)) {
                self.woken.recv_timeout(Duration::from_secs(30)).map_err(|_| "never seen")?;
            }
            times.push(start.elapsed());
        }
        times.sort();
        println!("| {what} | under 1 s | {:.0?} | {:.0?} |", times[ROUNDS / 2], times[ROUNDS - 1]);
        Ok(())
    }
}

fn changes() -> Result<()> {
    ip("link set lo up")?;
    let live = Watched::start(Host::live()?)?;
    let program = kernel::program("cil_from_netdev", Hook::Tcx(Way::In));
    let mut link: Option<OwnedFd> = None;
    live.measure("a program attached by tcx, or gone", Trigger::Programs, |_| {
        link = match link.take() {
            Some(_) => None,
            None => Some(kernel::attach(&program, Hook::Tcx(Way::In), LOOPBACK)),
        };
        Ok(())
    })?;
    live.measure("a link added or deleted", Trigger::Links, |round| match round % 2 {
        0 => ip("link add d0 type veth peer name e0"),
        _ => ip("link delete d0"),
    })?;
    let root = tempfile::tempdir()?;
    let directory = root.path().join("etc/cni/net.d");
    std::fs::create_dir_all(&directory)?;
    let names = ["05-cilium.conflist", "05-cilium.conflist.cilium_bak"];
    std::fs::write(directory.join(names[0]), "{}")?;
    let mounted = Watched::start(Host::mounted(root.path())?)?;
    mounted.measure("a CNI file renamed", Trigger::Cni, |round| {
        let (from, to) = (names[round % 2], names[(round + 1) % 2]);
        Ok(std::fs::rename(directory.join(from), directory.join(to))?)
    })
}

fn ip(arguments: &str) -> Result<()> {
    let done = Command::new("ip").args(arguments.split(' ')).status()?;
    done.success().then_some(()).ok_or_else(|| format!("ip {arguments}: {done}").into())
}

/// Pairs of links, and programs on the first of them.
fn crowd() -> Result<Vec<OwnedFd>> {
    let mut batch = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn()?;
    let mut lines = batch.stdin.take().ok_or("no standard input")?;
    for pair in 0..PAIRS {
        let (here, there) = (FIRST + pair, FIRST + PAIRS + pair);
        let made = format!("link add lxc{pair} index {here} type veth peer name p{pair}");
        writeln!(lines, "{made} index {there}")?;
    }
    drop(lines);
    if !batch.wait()?.success() {
        return Err("ip could not make the links".into());
    }
    let attach = |link| {
        let program = kernel::program("cil_from_container", Hook::Tcx(Way::In));
        kernel::attach(&program, Hook::Tcx(Way::In), FIRST + link)
    };
    Ok((0..PROGRAMS).map(attach).collect())
}

fn look(host: &str, binary: &str) -> Result<()> {
    let (mut times, mut most) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut check = Command::new(binary)
            .arg("check")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        while check.try_wait()?.is_none() {
            most = most.max(peak(check.id()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        times.push(start.elapsed());
    }
    times.sort();
    println!("| {host} | {:.0?} | {most} KiB |", times[ROUNDS / 2]);
    Ok(())
}

/// `VmHWM` of proc_pid_status(5), in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
