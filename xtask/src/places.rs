//! Where things are in this checkout.

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where cargo builds: `CARGO_TARGET_DIR`, else `target`.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Tools that `setup` builds for this checkout alone (`agent/build.rs` looks here first).
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// Output of programs that talk too much, kept for when they fail.
pub(crate) fn log(name: &str) -> PathBuf {
    root().join("target/xtask").join(name).with_extension("log")
}

/// Kernels, packages and results of the virtual machines.
pub(crate) fn kernels() -> PathBuf {
    root().join("target/kernels")
}

/// The container image, and what it is made from.
pub(crate) fn image() -> PathBuf {
    root().join("target/image")
}

/// Where `bpfready` and bpftool differ, and who is right.
pub(crate) fn differences() -> PathBuf {
    root().join("tests/bpftool-differences.json")
}
