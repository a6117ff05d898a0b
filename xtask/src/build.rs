//! The agent as a static program, for this machine and for arm64.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::setup::Purpose;
use crate::{places, process, setup};

/// No musl target is at hand, so the GNU C library is linked in. The agent resolves no names at
/// run time, which is what that library could not do statically.
///
/// Relative relocations (DT_RELR), of which a program that may be loaded anywhere has twenty
/// thousand, take half a megabyte unless they are packed; Linux and this C library read both.
const STATIC: &str = "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs";
/// Functions that came out alike are kept once. Only lld can do it, which is what rustup's compiler
/// links with on x86-64; nothing here compares addresses of functions.
const FOLDED: &str = "-C link-arg=-Wl,--icf=all";
const X86_64: &str = "x86_64-unknown-linux-gnu";
/// What a virtual machine runs: `check` and `record`, without what speaks to an API server.
pub(crate) const PROBES_ALONE: [&str; 1] = ["--no-default-features"];
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// Builds the release binary for this machine; gives back where it is.
pub(crate) fn release() -> Result<PathBuf> {
    static_release(&["--package", "bpfready"], "release/bpfready")
}

/// Builds the kernel probe alone, as a release binary like the agent; gives back where it is.
pub(crate) fn kernel_probe() -> Result<PathBuf> {
    let what = ["--package", "bpfready-tests", "--example", "kernel_probe"];
    static_release(&what, "release/examples/kernel_probe")
}

fn static_release(what: &[&str], binary: &str) -> Result<PathBuf> {
    setup::setup(Purpose::Build)?;
    // With `--target` the flags reach the agent only: procedural macros cannot be static.
    let mut cargo = process::cargo();
    cargo.args(["build", "--release", "--target", X86_64]).args(what);
    let flags = format!("{STATIC} {FOLDED}");
    process::run(cargo.env("RUSTFLAGS", flags).current_dir(places::root()))?;
    Ok(places::target().join(X86_64).join(binary))
}

/// Builds the agent for arm64; gives back where it is. Optimised, but not across crates, which takes
/// longer than all virtual machines together and changes no answer.
///
/// Debian's compiler does it: it brings the standard library of the other architecture, which
/// rustup would have to download.
///
/// `features` are arguments of cargo: none, or [`PROBES_ALONE`], which is hardly optimised: it is
/// for one look in a virtual machine.
pub(crate) fn arm64(features: &[&str]) -> Result<PathBuf> {
    setup::setup(Purpose::Kernels)?;
    let target = places::root().join("target/arm64");
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo.args(["build", "--release", "--package", "bpfready", "--target", AARCH64]);
    cargo.args(features);
    cargo.arg("--target-dir").arg(&target).current_dir(places::root());
    // What rustup's cargo sets for its children would lead back to rustup's compiler.
    for name in ["CARGO", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER"] {
        cargo.env_remove(name);
    }
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTFLAGS", STATIC);
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    if features == PROBES_ALONE {
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    }
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    process::run(&mut cargo)?;
    Ok(target.join(AARCH64).join("release/bpfready"))
}
