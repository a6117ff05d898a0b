//! A recording, from its folder through all four layers.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bpfready::judge::{Policy, judge};
use bpfready::observe::recording::Recording;
use bpfready::observe::{Host, snapshot};
use bpfready::publish::{self, text::View};
use libfuzzer_sys::fuzz_target;

/// The files of a recording, in the order in which an input holds them, with a zero byte between.
const FILES: [&str; 12] = [
    "host.json",
    "paths.json",
    "kernel/uname.json",
    "kernel/privilege.json",
    "kernel/links.json",
    "kernel/ethtool.json",
    "kernel/xdp_features.json",
    "kernel/lsm_list_modules.json",
    "kernel/bpffs.json",
    "kernel/net_probes.json",
    "root/etc/os-release",
    "root/proc/1/mountinfo",
];

fuzz_target!(|bytes: &[u8]| {
    let dir = dir();
    let mut contents = bytes.split(|it| *it == 0);
    for file in FILES {
        let content = contents.next().unwrap_or_default();
        fs::write(dir.join(file), content).expect("the folder is ours");
    }
    let Ok(recording) = Recording::open(dir) else { return };
    let report = judge(snapshot(&Host::recorded(recording)), &Policy::default());
    publish::json::render(&report).expect("a report is JSON");
    publish::bpftool::render(&report.facts).expect("facts are JSON");
    publish::prometheus::render(&report).expect("a report is metrics");
    publish::labels::render(&report);
    publish::text::render(&report, &View { columns: 80, required: None });
});

/// One folder a process; `cargo xtask fuzz` points TMPDIR into `target`.
fn dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("bpfready-fuzz-{}", std::process::id()));
        for sub in ["kernel", "root/etc", "root/proc/1"] {
            fs::create_dir_all(dir.join(sub)).expect("the folder is new");
        }
        dir
    })
}
