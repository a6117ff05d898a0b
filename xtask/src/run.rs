//! `cargo xtask run`: from a clean clone to the verdict on this machine.

use std::process::{Command, ExitStatus};

use anyhow::{Result, bail};

use crate::setup::Purpose;
use crate::{places, process, progress, setup};

/// Builds the agent and runs `bpfready check` here.
///
/// `check` exits with 0 for yes, 1 for no and 2 for "could not tell". All three are answers: the
/// task fails only when there is none, because building broke or the program was not understood
/// or died.
pub(crate) fn run(args: &[String]) -> Result<()> {
    setup::setup(Purpose::Build)?;
    progress::step("building the agent", || {
        let mut cargo = process::cargo();
        process::run(cargo.args(["build", "--package", "bpfready"]).current_dir(places::root()))
    })?;
    eprintln!("xtask: bpfready check {}\n", args.join(" "));
    let mut check = Command::new(places::target().join("debug/bpfready"));
    let status = process::status(check.arg("check").args(args).current_dir(places::root()))?;
    eprintln!("\nxtask: {}", meaning(status)?);
    Ok(())
}

fn meaning(status: ExitStatus) -> Result<&'static str> {
    match status.code() {
        Some(0) => Ok("exit code 0 of `check`: yes"),
        Some(1) => Ok("exit code 1 of `check`: no, for the reasons above"),
        Some(2) => Ok("exit code 2 of `check`: it could not tell, for the reasons above"),
        _ => bail!("`bpfready check` broke: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn every_answer_is_an_answer_and_a_crash_is_none() {
        for code in 0..3 {
            assert!(meaning(ExitStatus::from_raw(code << 8)).is_ok(), "{code}");
        }
        assert!(meaning(ExitStatus::from_raw(101 << 8)).is_err(), "a panic");
        assert!(meaning(ExitStatus::from_raw(11)).is_err(), "SIGSEGV");
    }
}
