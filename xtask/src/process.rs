//! Other programs: run them, read them, and say what went wrong when they fail.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// How many lines of a log are shown when its program failed.
const TAIL_LINES: usize = 25;

/// Cargo as a person starts it. `cargo xtask` tells its program of the program's own package, and
/// a build script that reads such a variable (ring's does) would run again whenever it differs.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Runs a program with this terminal as its output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} failed: {status}", words(command));
    }
    Ok(())
}

/// Runs a program with this terminal as its output and gives back how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.stdin(Stdio::null());
    command.status().with_context(|| format!("cannot start {}", words(command)))
}

/// What a program prints; its messages go to this terminal.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start {}", words(command)))?;
    if !output.status.success() {
        bail!("{} failed: {}", words(command), output.status);
    }
    Ok(output.stdout)
}

/// What a program prints, as text without the last line's end.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let bytes = output(command)?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("{} printed no UTF-8", words(command)))?;
    Ok(text.trim_end().to_owned())
}

/// Runs a talkative program with its output in a file; the end of it is shown on failure.
pub(crate) fn logged(log: &Path, command: &mut Command) -> Result<()> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let file = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = command.status().with_context(|| format!("cannot start {}", words(command)))?;
    if !status.success() {
        bail!("{} failed: {status}; {} ends with\n{}", words(command), log.display(), tail(log));
    }
    Ok(())
}

/// The command as one would type it, without its environment.
pub(crate) fn words(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    command.get_args().fold(program, |line, arg| line + " " + &arg.to_string_lossy())
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_shows_the_end_of_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("new/dir/log");
        let mut sh = Command::new("sh");
        let error = logged(&log, sh.args(["-c", "seq 100; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("99\n100"), "{error}");
        assert!(!error.contains("\n75\n"), "only the end: {error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nonexistent/tool")).unwrap_err().to_string();
        assert_eq!(error, "cannot start /nonexistent/tool");
    }
}
