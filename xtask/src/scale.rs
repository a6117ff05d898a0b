//! `cargo xtask bench cluster`: what 5,000 nodes and 100,000 pods cost, on an API server in process.

use std::process::Command;

use anyhow::Result;

use crate::{build, places, process};

/// Measures the usual fleet and the hard one, each with an API server of its own. `BPFREADY_BIN`
/// names a binary that is there.
pub(crate) fn scale() -> Result<()> {
    let agent = std::env::var_os("BPFREADY_BIN").map_or_else(build::release, |it| Ok(it.into()))?;
    for fleet in ["usual", "hard"] {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--quiet", "--release", "--package", "bpfready-tests"]);
        cargo.args(["--example", "cluster_scale", "--"]).arg(&agent).arg(fleet);
        println!("\n### Fleet: {fleet}\n");
        process::run(cargo.current_dir(places::root()))?;
    }
    Ok(())
}
