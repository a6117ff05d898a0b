//! The watcher on real links, files, pins and programs.
//!
//! What is made here is made in a network namespace and in temporary directories. Programs are
//! loaded for a moment and attached to the namespace's own loopback.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::*;
use crate::observe::bpf::insn::returns;
use crate::observe::bpf::sys::{Cmd, LinkCreate, Program, bpf_fd};
use crate::observe::net_probe::namespace::tests::{inside, inside_own_mounts, ip};

/// Issue 3 promises a second, and each test prints its figure; here other tests use the processors,
/// and load programs, at the same time.
const PROMISED: Duration = Duration::from_secs(20);

/// A watcher that sends each change on.
struct Watched {
    watcher: Watcher,
    woken: Receiver<()>,
}

impl Watched {
    fn start(root: &Path, pace: Pace) -> Self {
        let (sender, woken) = mpsc::channel();
        let host = Host::mounted(root).unwrap();
        let watcher = Watcher::start(host, pace, move || {
            let _ = sender.send(());
        })
        .unwrap();
        Self { watcher, woken }
    }

    /// Waits until all sources are open and what opening them moved has been told.
    fn settle(&self) {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(700));
        while self.watcher.blind().values().any(|it| it.detail == run::OPENING) {
            assert!(start.elapsed() < PROMISED, "{:?}", self.watcher.blind());
            thread::sleep(Duration::from_millis(10));
        }
        while self.woken.try_recv().is_ok() {}
        drop(self.watcher.take());
    }

    /// Does something and waits for a change by this trigger; gives the time it took.
    #[track_caller]
    fn expect<T>(&self, trigger: Trigger, act: impl FnOnce() -> T) -> (T, Duration) {
        let told = self.wait_for(&trigger, act);
        told.unwrap_or_else(|seen| {
            panic!("{trigger:?} was never told, only {seen:?}; blind: {:?}", self.watcher.blind())
        })
    }

    /// As [`Watched::expect`]; an error is what was told instead.
    fn wait_for<T>(
        &self,
        trigger: &Trigger,
        act: impl FnOnce() -> T,
    ) -> Result<(T, Duration), BTreeSet<Trigger>> {
        let start = Instant::now();
        let done = act();
        let mut seen = BTreeSet::new();
        while start.elapsed() < PROMISED {
            if self.woken.recv_timeout(Duration::from_millis(100)).is_err() {
                continue;
            }
            seen.extend(self.watcher.take().map(|it| it.by).unwrap_or_default());
            if seen.contains(trigger) {
                let took = start.elapsed();
                println!("{trigger:?} after {took:?}");
                assert!(took < PROMISED, "{trigger:?} was told after {took:?}");
                return Ok((done, took));
            }
        }
        Err(seen)
    }

    #[track_caller]
    fn expect_nothing(&self, during: Duration) {
        let word = self.woken.recv_timeout(during);
        assert!(word.is_err(), "told of {:?}", self.watcher.take());
    }
}

fn no_programs() -> Pace {
    // Other tests load programs side by side.
    Pace { programs: Duration::from_secs(3600), ..Pace::default() }
}

#[test]
fn links_addresses_routes_rules_and_filters_are_told() {
    inside(|| {
        ip("link set lo up");
        let root = tempfile::tempdir().unwrap();
        let watched = Watched::start(root.path(), no_programs());
        watched.settle();
        watched.expect(Trigger::Links, || ip("link add eni0 type veth peer name eth0"));
        watched.settle();
        watched.expect(Trigger::Addresses, || ip("addr add 10.0.0.1/32 dev eni0"));
        watched.expect(Trigger::Routes, || {
            ip("link set eth0 up");
            ip("link set eni0 up");
            ip("route add 10.1.0.0/16 dev eni0")
        });
        watched.expect(Trigger::Rules, || ip("rule add from 10.0.0.1 table 7 priority 512"));
        watched.settle();
        watched.expect(Trigger::Links, || ip("link delete eni0"));
    });
}

/// A lease that is renewed is told by the kernel as a new address.
#[test]
fn an_address_that_lives_longer_is_no_change() {
    inside(|| {
        ip("link add eth7 type veth peer name eth8");
        let root = tempfile::tempdir().unwrap();
        let watched = Watched::start(root.path(), no_programs());
        watched.settle();
        watched.expect(Trigger::Addresses, || {
            ip("addr add 10.0.0.1/24 dev eth7 valid_lft 600 preferred_lft 600")
        });
        watched.settle();
        ip("addr change 10.0.0.1/24 dev eth7 valid_lft 900 preferred_lft 900");
        watched.expect_nothing(Duration::from_millis(500));
        watched.expect(Trigger::Addresses, || ip("addr del 10.0.0.1/24 dev eth7"));
    });
}

#[test]
fn a_storm_of_links_is_told_a_few_times() {
    inside(|| {
        let root = tempfile::tempdir().unwrap();
        let watched = Watched::start(root.path(), no_programs());
        watched.settle();
        for round in 0..100 {
            ip(&format!("link add d{round} type veth peer name e{round}"));
            ip(&format!("link delete d{round}"));
        }
        thread::sleep(Duration::from_millis(700));
        let told = watched.woken.try_iter().count();
        assert!((1..=11).contains(&told), "told {told} times");
    });
}

#[test]
fn a_cni_file_is_told_also_in_a_directory_that_comes_later() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("etc/cni/net.d");
    let watched = Watched::start(root.path(), no_programs());
    watched.settle();
    watched.expect(Trigger::Cni, || std::fs::create_dir_all(&directory).unwrap());
    watched.settle();
    let file = directory.join("10-aws.conflist");
    watched.expect(Trigger::Cni, || std::fs::write(&file, "{}").unwrap());
    watched.settle();
    watched.expect(Trigger::Cni, || {
        std::fs::rename(&file, directory.join("10-aws.conflist.cilium_bak")).unwrap();
    });
    watched.settle();
    // containerd itself loses a directory that is made anew; we must not.
    watched.expect(Trigger::Cni, || std::fs::remove_dir_all(root.path().join("etc/cni")).unwrap());
    watched.settle();
    watched.expect(Trigger::Cni, || {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("05-cilium.conflist"), "{}").unwrap();
    });
    watched.settle();
    watched.expect(Trigger::Cni, || std::fs::write(&file, "{}").unwrap());
}

#[test]
fn an_agents_socket_is_told_and_its_other_files_are_not() {
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run/cilium");
    std::fs::create_dir_all(&run).unwrap();
    let watched = Watched::start(root.path(), no_programs());
    watched.settle();
    std::fs::write(run.join("endpoint.state"), "x").unwrap();
    watched.expect_nothing(Duration::from_millis(400));
    watched.expect(Trigger::Sockets, || {
        std::os::unix::net::UnixListener::bind(run.join("cilium.sock")).unwrap()
    });
}

fn load() -> OwnedFd {
    const SCHED_CLS: u32 = 3;
    Program { program_type: SCHED_CLS, insns: &returns(0), ..Program::default() }.load().unwrap()
}

/// No netlink message tells of it: `net/core/dev.c` and `kernel/bpf/tcx.c` send none.
#[test]
fn a_tcx_program_that_comes_and_goes_is_told() {
    inside(|| {
        const TCX_INGRESS: u32 = 46;
        const LOOPBACK: i32 = 1;
        let root = Path::new("/");
        let watched = Watched::start(root, Pace::default());
        watched.settle();
        if let Some(failure) = watched.watcher.blind().get(&Source::Programs) {
            println!("skipped: {}", failure.detail);
            return;
        }
        let program = load();
        watched.settle();
        let attach = || {
            let mut attr = LinkCreate {
                prog_fd: program.as_raw_fd(),
                target: LOOPBACK,
                attach_type: TCX_INGRESS,
                ..LinkCreate::default()
            };
            bpf_fd(Cmd::LinkCreate, &mut attr)
        };
        let attach = || attach().expect("tcx, Linux 6.6");
        // What is told first may be another test's program. A link that is not seen before it goes
        // again leaves the lists as they were, and nothing is told: it stays for a while.
        let seen = (0..3).any(|_| {
            let (link, _) = watched.expect(Trigger::Programs, attach);
            thread::sleep(Duration::from_secs(2));
            watched.settle();
            watched.wait_for(&Trigger::Programs, || drop(link)).is_ok()
        });
        assert!(seen, "the end of a link was never told");
    });
}

#[test]
fn a_watcher_that_is_dropped_ends() {
    let root = tempfile::tempdir().unwrap();
    let watched = Watched::start(root.path(), no_programs());
    let start = Instant::now();
    drop(watched);
    assert!(start.elapsed() < Duration::from_secs(5), "the thread did not end");
}

#[test]
fn the_net_under_it_all_is_told_by_itself() {
    let root = tempfile::tempdir().unwrap();
    let pace = Pace { full: Duration::from_millis(300), ..no_programs() };
    let watched = Watched::start(root.path(), pace);
    watched.expect(Trigger::Interval, || ());
}

#[test]
fn pins_and_mounts_of_bpffs_are_told() {
    inside_own_mounts(|| {
        let root = tempfile::tempdir().unwrap();
        let bpffs = root.path().join("sys/fs/bpf");
        std::fs::create_dir_all(&bpffs).unwrap();
        let watched = Watched::start(root.path(), no_programs());
        watched.settle();
        watched.expect(Trigger::Mounts, || {
            let none = rustix::mount::MountFlags::empty();
            rustix::mount::mount("bpf", &bpffs, "bpf", none, None::<&std::ffi::CStr>).unwrap();
        });
        watched.settle();
        watched
            .expect(Trigger::Pins, || std::fs::create_dir_all(bpffs.join("tc/globals")).unwrap());
        watched.settle();
        let below = bpffs.join("tc/globals/below");
        watched.expect(Trigger::Pins, || std::fs::create_dir(&below).unwrap());
        watched.settle();
        watched.expect(Trigger::Pins, || std::fs::remove_dir(&below).unwrap());
    });
}
