//! What the integration tests share: where things are, an API server, goldens.

pub mod apiserver;
pub mod goldens;
pub mod soak;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The real binary, built from this checkout in the profile of the tests; `BPFREADY_BIN` names
/// another one, such as the static release build.
///
/// # Panics
///
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("BPFREADY_BIN").map_or_else(build, PathBuf::from))
}

/// `cargo test` builds binaries of the package under test only, and this is another package.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--package", "bpfready", "--bin", "bpfready"]);
    cargo.arg("--target-dir").arg(profile.parent().expect("target/PROFILE has a parent"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo tells a test of the test's package: build scripts that read it would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.current_dir(root()).status().expect("cargo runs the tests, so it is there");
    assert!(status.success(), "cargo build: {status}");
    profile.join("bpfready")
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace")
}
