//! The command line as its user meets it: help, exit codes, wrong input.

use crate::hosts;
use crate::run::{bpfready, command, expect_error, finish};

#[test]
fn help_names_the_commands_and_the_exit_codes() {
    let run = bpfready(&["--help"]);
    assert_eq!(run.code, Some(0));
    for word in ["check", "record", "Exit codes:", "0  yes", "1  no", "2  could not tell"] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
}

#[test]
fn help_of_check_has_examples_and_fits_eighty_columns() {
    let run = bpfready(&["check", "--help"]);
    assert!(run.stdout.contains("Examples:\n  bpfready check "), "{}", run.stdout);
    for flag in ["--output", "--target-cilium", "--root", "--recording", "--require", "--color"] {
        assert!(run.stdout.contains(flag), "{flag}");
    }
    let long = run.stdout.lines().filter(|it| it.chars().count() > 100).collect::<Vec<_>>();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn version_is_that_of_the_package() {
    assert_eq!(
        bpfready(&["--version"]).stdout,
        format!("bpfready {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_argument_is_exit_code_2() {
    expect_error(&bpfready(&["check", "--nonsense"]), &["--nonsense", "--help"]);
    expect_error(&bpfready(&["check", "--target-cilium", "new"]), &["such as 1.18", "new"]);
    expect_error(&bpfready(&["check", "-o", "yaml"]), &["yaml", "json", "prometheus"]);
    expect_error(&bpfready(&["check", "--log", "a=b=c"]), &["log filter", "a=b=c"]);
    expect_error(&bpfready(&["frobnicate"]), &["frobnicate"]);
}

#[test]
fn root_and_recording_exclude_each_other() {
    let run = bpfready(&["check", "--root", "/", "--recording", "/tmp"]);
    expect_error(&run, &["--root", "--recording", "cannot be used with"]);
}

#[test]
fn a_root_that_is_not_there_is_an_error_and_not_an_empty_host() {
    let run = bpfready(&["check", "--root", "/nonexistent/root"]);
    expect_error(&run, &["/nonexistent/root", "No such file"]);
}

#[test]
fn a_feature_that_does_not_exist_is_answered_with_its_neighbours() {
    let host = hosts::case("linux-6.18-root");
    let run = bpfready(&["check", "--recording", &host, "--require", "wiregard"]);
    expect_error(&run, &["wiregard", "did you mean wireguard"]);
}

#[test]
fn every_flag_has_its_variable_and_the_flag_wins() {
    let host = hosts::case("linux-6.18-root");
    let with_variables = |args: &[&str]| {
        let mut command = command(args);
        command.env("BPFREADY_RECORDING", &host).env("BPFREADY_OUTPUT", "labels");
        finish(command)
    };
    assert!(with_variables(&["check"]).stdout.starts_with("bpfready.io/"));
    assert!(with_variables(&["check", "-o", "json"]).stdout.starts_with("{"));
}

#[test]
fn logs_are_silent_unless_asked_for_and_never_on_standard_output() {
    let host = hosts::case("linux-6.18-root");
    let quiet = bpfready(&["check", "--recording", &host, "-o", "labels"]);
    assert_eq!(quiet.stderr, "");
    let mut loud = command(&["check", "--recording", &host, "-o", "labels"]);
    loud.env("RUST_LOG", "debug");
    let loud = finish(loud);
    assert!(loud.stderr.contains("looked"), "{}", loud.stderr);
    assert_eq!(loud.stdout, quiet.stdout);
}
