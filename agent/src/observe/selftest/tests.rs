//! The self-tests on the kernel that runs these tests: 6.18 or newer, as root.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::thread::CapabilitySet;

use super::*;
use crate::facts::Cause;
use crate::observe::as_if::{self, DEFAULT_RUNG};
use crate::observe::privilege::privilege;

/// The same in a cgroup tree that may be written to.
const WITH_CGROUP: CapabilitySet = DEFAULT_RUNG.union(CapabilitySet::DAC_OVERRIDE);
/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the self-tests in a thread that has only these capabilities.
#[track_caller]
fn with_capabilities(kept: CapabilitySet) -> BTreeMap<Selftest, Support> {
    as_if::with_capabilities(kept, || {
        let host = Host::live().unwrap();
        selftests(&host, &privilege(&host))
    })
}

#[track_caller]
fn expect_all_supported(answers: &BTreeMap<Selftest, Support>) {
    let others: Vec<_> = answers.iter().filter(|(_, it)| **it != Support::Supported).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(answers.len(), Selftest::ALL.len());
}

#[test]
fn this_kernel_does_everything_for_root() {
    expect_all_supported(&with_capabilities(as_if::permitted()));
}

/// The root of the v2 tree is not writable (mode 0555), so making a cgroup takes the right to pass
/// over file modes, or a container's own tree.
#[test]
fn the_default_rung_suffices_for_all_that_needs_no_cgroup() {
    let mut answers = with_capabilities(DEFAULT_RUNG);
    for test in [Selftest::NetnsCookie, Selftest::Connect4Rewrite] {
        let answer = answers.insert(test, Support::Supported).unwrap();
        let Support::Unknown(failure) = answer else { panic!("{test:?}: {answer:?}") };
        assert_eq!(failure.cause, Cause::PermissionDenied, "{}", failure.detail);
    }
    expect_all_supported(&answers);
}

#[test]
fn the_default_rung_and_a_writable_cgroup_tree_suffice_for_all() {
    expect_all_supported(&with_capabilities(WITH_CGROUP));
}

#[test]
fn without_capabilities_everything_is_denied_and_nothing_is_absent() {
    for (test, answer) in with_capabilities(CapabilitySet::empty()) {
        let Support::Unknown(failure) = answer else { panic!("{test:?}: {answer:?}") };
        assert_eq!(failure.cause, Cause::PermissionDenied, "{test:?}: {}", failure.detail);
    }
}

/// What this thread's programs say is collected here.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_program_says_reaches_tracing() {
    let said = Said::default();
    let writer = said.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let rights = crate::observe::bpf::answer::Rights { proves_absence: true, filtered: false };
    let ended =
        tracing::subscriber::with_default(subscriber, || ring_buffer::check(Bench { rights }));
    assert_eq!(ended, Ok(()));
    let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    // 74 bytes: Ethernet 14, IPv4 20, UDP 8, payload 32.
    assert!(said.contains("sent a record about a packet of 74 bytes"), "{said}");
}

/// Runs the self-tests again and again, for the tests that kill or look at a whole process.
#[test]
#[ignore = "never ends; started by other tests"]
fn forever() {
    let host = Host::live().unwrap();
    let rights = privilege(&host);
    loop {
        selftests(&host, &rights);
        println!("bpf descriptors left: {}", bpf_descriptors());
    }
}

/// Descriptors of this process that are programs, maps or links: nothing is pinned, so what no
/// descriptor holds is gone.
fn bpf_descriptors() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|it| std::fs::read_link(it.path()).ok());
    targets.filter(|it| it.to_string_lossy().contains("bpf")).count()
}

fn start_forever(output: Stdio) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "observe::selftest::tests::forever"]);
    command.stdout(output).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn no_program_map_or_link_is_left_behind() {
    let mut child = start_forever(Stdio::piped());
    let output = io::BufReader::new(child.stdout.take().unwrap());
    let line = io::BufRead::lines(output)
        .map_while(Result::ok)
        .find(|it| it.contains("bpf descriptors left"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.as_ref().unwrap().ends_with("bpf descriptors left: 0"), "{line:?}");
}

/// Where a v2 tree is mounted: beside v1, alone.
const TREES: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// Throw-away cgroups of one process.
fn cgroups_of(process: u32) -> BTreeSet<PathBuf> {
    let prefix = format!("bpfready-selftest-{process}-");
    let entries = TREES.into_iter().filter_map(|it| std::fs::read_dir(it).ok()).flatten();
    let names =
        entries.flatten().filter(|it| it.file_name().to_string_lossy().starts_with(&prefix));
    names.map(|it| it.path()).collect()
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_killed_self_test_leaves_no_cgroup_behind() {
    for _ in 0..5 {
        let mut child = start_forever(Stdio::null());
        let process = child.id();
        wait_until("the cgroup is made", || !cgroups_of(process).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the cgroup is removed", || cgroups_of(process).is_empty());
    }
}

#[test]
fn a_cgroup_that_nobody_holds_is_swept() {
    // No process has this id: it is beyond the kernel's limit, `PID_MAX_LIMIT`.
    let tree = TREES.into_iter().map(Path::new).find(|it| it.join("cgroup.procs").exists());
    let leftover = tree.expect("a v2 tree").join("bpfready-selftest-4194305-0");
    std::fs::create_dir(&leftover).expect("a v2 tree that root may change");
    expect_all_supported(&with_capabilities(WITH_CGROUP));
    assert!(!leftover.exists());
}
