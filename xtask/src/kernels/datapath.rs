//! The datapath's tests on real objects that most kernels under a CI machine lack: Geneve, netkit,
//! IP-in-IP, WireGuard and VLAN links, Open vSwitch, IPVS. Debian's kernel has all of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::image::{self, Image};
use super::initramfs::{self, Tree};
use super::vm::Guest;
use crate::{places, process, progress, test};

/// What a person calls it.
pub(super) const NAME: &str = "datapath";
/// The oldest of the kernels here that has netkit (6.7).
pub(super) const KERNEL: &str = "6.12";
const INIT: &str = include_str!("datapath.sh");
/// Programs of this machine, on which the tests were built: theirs is the C library.
const PROGRAMS: &[(&str, &str)] = &[
    ("bin/dash", "bin/sh"),
    ("bin/kmod", "bin/kmod"),
    ("bin/setpriv", "bin/setpriv"),
    ("sbin/ip", "sbin/ip"),
    ("sbin/ipvsadm", "sbin/ipvsadm"),
    ("sbin/iptables-legacy-restore", "sbin/iptables-legacy-restore"),
    ("sbin/iptables-nft-restore", "sbin/iptables-nft-restore"),
    ("sbin/nft", "sbin/nft"),
    ("sbin/tc", "sbin/tc"),
];
/// What iptables loads by itself.
const EXTENSIONS: [&str; 2] = ["libxt_comment.so", "libxt_standard.so"];
/// Modules of what the tests make.
const MODULES: &[&str] = &[
    "8021q",
    "bridge",
    "cls_bpf",
    "dummy",
    "geneve",
    "ip_tables",
    "ip_vs",
    "ip_vs_rr",
    "ipip",
    "iptable_filter",
    "iptable_nat",
    "nf_tables",
    "nft_chain_nat",
    "nft_compat",
    "openvswitch",
    "sch_ingress",
    "tun",
    "veth",
    "vxlan",
    "wireguard",
    "xt_comment",
];

/// Packs the tests, the agent and the tools for this kernel.
pub(super) fn guest(image: &Image, tools: &Path, agent: &Path) -> Result<Guest> {
    let out = places::kernels().join(NAME).with_extension("cpio");
    let tree = Tree::new(&out)?;
    initramfs::copy(&tools.join("usr/bin/busybox"), &tree.path("usr/bin/busybox"))?;
    for (program, name) in PROGRAMS {
        tree.copy_with_libraries(&Path::new("/usr").join(program), &format!("usr/{name}"))?;
    }
    let extensions = Path::new("usr/lib").join(image.arch.triple()).join("xtables");
    for name in EXTENSIONS {
        let path = extensions.join(name);
        initramfs::copy(&Path::new("/").join(&path), &tree.path(&path))?;
    }
    tree.copy_with_libraries(&stripped(&test::program("it")?)?, "it")?;
    initramfs::copy(agent, &tree.path("bpfready"))?;
    tree.link()?;
    image.copy_into(&tree.path(""), MODULES)?;
    tree.pack(INIT, &out)?;
    image::guest(image, NAME, out)
}

/// Debug information would be most of what the machine has to hold in memory.
fn stripped(program: &Path) -> Result<PathBuf> {
    let out = places::kernels().join("it");
    let mut strip = Command::new("strip");
    process::run(strip.args(["--strip-all", "-o"]).arg(&out).arg(program))?;
    Ok(out)
}

/// Whether all tests passed in there, and how many; what they said where not.
pub(super) fn judge(guest: &Guest, took: Duration) -> Result<bool> {
    let read = |name: &str| {
        fs::read_to_string(guest.results.join(name)).with_context(|| format!("{name} was not sent"))
    };
    let (said, status) = (read("tests")?, read("status")?);
    let sum = said.lines().find(|it| it.starts_with("test result:"));
    let sum = sum.with_context(|| format!("the tests did not end:\n{said}"))?;
    ensure!(!sum.contains(" 0 passed"), "no test ran:\n{said}");
    println!("{NAME} ({KERNEL}; {}): {sum}", progress::human(took));
    let passed = status.trim() == "0";
    if !passed {
        println!("{said}");
    }
    Ok(passed)
}
