//! Runs the real binary with a clean environment.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary with these arguments; variables of the caller do not reach it.
pub(crate) fn command<A: AsRef<OsStr>>(args: &[A]) -> Command {
    let mut command = Command::new(bpfready_tests::binary());
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn finish(mut command: Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs the binary with these arguments to the end.
pub(crate) fn bpfready<A: AsRef<OsStr>>(args: &[A]) -> Run {
    finish(command(args))
}

/// The run is an error: exit code 2, nothing on stdout, these words on stderr, no panic.
#[track_caller]
pub(crate) fn expect_error(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "expected {word:?} in: {}", run.stderr);
    }
}
