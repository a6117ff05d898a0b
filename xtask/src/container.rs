//! The binary and the image in a container that is made as the DaemonSet says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use crate::{places, process, setup, test};

/// What runs a container, and its seccomp profile.
const PACKAGES: &[&str] = &["golang-github-containers-common", "runc"];

/// Starts what is in the image for arm64.
const EMULATOR: &[&str] = &["qemu-user-static"];

/// Tries the image.
pub(crate) fn image(binary: &Path, layout: &Path) -> Result<()> {
    setup::packages(PACKAGES)?;
    setup::packages(EMULATOR)?;
    process::run(test::in_container()?.env("BPFREADY_BIN", binary).env("BPFREADY_IMAGE", layout))
}

/// Tries the static binary alone, where this machine lets runc start a container.
pub(crate) fn binary(binary: &Path) -> Result<()> {
    setup::packages(PACKAGES)?;
    if let Err(error) = first_container(binary) {
        println!("not tried, since runc starts no container here: {error:#}");
        return Ok(());
    }
    process::run(test::in_container()?.env("BPFREADY_BIN", binary))
}

/// `bpfready --version` in a container with no more than it needs.
fn first_container(binary: &Path) -> Result<()> {
    let dir = places::image().join("first-container");
    let root = dir.join("rootfs");
    fs::create_dir_all(&root)?;
    fs::copy(binary, root.join("bpfready"))?;
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bpfready", "--version"], "cwd": "/"},
        "root": {"path": "rootfs", "readonly": true},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
    });
    fs::write(dir.join("config.json"), config.to_string())?;
    let mut runc = Command::new("runc");
    runc.arg("--root").arg(dir.join("state")).args(["run", "--bundle"]).arg(&dir);
    process::logged(&places::log("runc"), runc.arg("bpfready-first"))
}
