//! The agent as a static program, for this machine and for arm64.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::setup::Purpose;
use crate::{places, process, setup};

/// No musl target is at hand, so the GNU C library is linked in. The agent resolves no names at
/// run time, which is what that library could not do statically.
const STATIC: &str = "-C target-feature=+crt-static";
const X86_64: &str = "x86_64-unknown-linux-gnu";

/// Builds the release binary for this machine; gives back where it is.
pub(crate) fn release() -> Result<PathBuf> {
    setup::setup(Purpose::Build)?;
    // With `--target` the flags reach the agent only: procedural macros cannot be static.
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "bpfready", "--target", X86_64]);
    process::run(cargo.env("RUSTFLAGS", STATIC).current_dir(places::root()))?;
    Ok(places::target().join(X86_64).join("release/bpfready"))
}
