//! The forms of a report on a pipe, on a closed pipe, in colour and without.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::hosts;
use crate::run::{bpfready, command, finish};

const ESCAPE: char = '\x1b';

#[test]
fn a_pipe_gets_plain_text_and_no_line_is_longer_than_eighty_columns() {
    let run = bpfready(&["check", "--recording", &hosts::case("linux-6.18-root")]);
    assert!(!run.stdout.contains(ESCAPE));
    let long: Vec<&str> = run.stdout.lines().filter(|it| it.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn colour_is_there_when_asked_for_and_no_color_does_not_forbid_what_is_asked() {
    let host = hosts::case("linux-6.18-root");
    let always = bpfready(&["check", "--recording", &host, "--color", "always"]);
    assert!(always.stdout.contains(ESCAPE));
    let plain = bpfready(&["check", "--recording", &host]).stdout;
    assert_eq!(anstream::adapter::strip_str(&always.stdout).to_string(), plain);
}

/// `script` gives the binary a terminal of its own.
#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let host = hosts::case("linux-6.18-root");
    let line = format!("{} check --recording {host}", bpfready_tests::binary().display());
    let on_terminal = |variable: Option<&str>| {
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.env_remove("NO_COLOR").env("TERM", "xterm").stdin(Stdio::null());
        script.envs(variable.map(|it| (it, "1")));
        String::from_utf8(script.output().unwrap().stdout).unwrap()
    };
    assert!(on_terminal(None).contains("\x1b[1m"), "{}", on_terminal(None));
    let plain = on_terminal(Some("NO_COLOR"));
    assert!(plain.contains("Cilium") && !plain.contains("\x1b[1m"), "{plain}");
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let host = hosts::case("linux-6.18-root");
    let mut child = command(&["check", "--recording", &host, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let quiet = bpfready(&["check", "--recording", &host, "-o", "json"]);
    assert_eq!(output.status.code(), quiet.code, "the verdict's own exit code");
}

#[test]
fn json_carries_the_contract_and_the_exit_code_is_its_verdict() {
    let run = bpfready(&["check", "--recording", &hosts::case("linux-6.18-root"), "-o", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["apiVersion"], "bpfready.io/v1");
    assert_eq!(report["kind"], "NodeReport");
    let code = match report["verdict"]["cilium"]["capable"].as_str().unwrap() {
        "yes" => 0,
        "no" => 1,
        _ => 2,
    };
    assert_eq!(run.code, Some(code));
}

/// Sections, key forms and types of `bpftool -j feature probe kernel full` 7.5.
#[test]
fn bpftool_json_has_the_sections_and_types_of_bpftool() {
    let run = bpfready(&["check", "--recording", &hosts::case("linux-6.18-root"), "-o", "bpftool"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["syscall_config"]["have_bpf_syscall"], true);
    assert_eq!(document["program_types"]["have_sched_cls_prog_type"], true);
    assert_eq!(document["map_types"]["have_lpm_trie_map_type"], true);
    assert_eq!(document["misc"]["have_large_insn_limit"], true);
    assert_eq!(document["system_config"]["bpf_jit_enable"], 1);
    assert_eq!(document["system_config"]["CONFIG_HZ"], "250");
    assert_eq!(document["system_config"]["CONFIG_KPROBE_EVENTS"], Value::Null);
    let helpers = document["helpers"]["sched_cls_available_helpers"].as_array().unwrap();
    assert!(helpers.contains(&"bpf_redirect_peer".into()));
    // Refused with EPERM and an empty log on this host: bpftool says false, which is not known.
    assert_eq!(document["program_types"].get("have_lsm_prog_type"), None);
    let unknown = &document["bpfready"]["unknown"]["program_types"]["have_lsm_prog_type"];
    assert_eq!(unknown["cause"], "permission_denied");
}

#[test]
fn metrics_are_few_and_every_state_set_has_exactly_one_that_holds() {
    let host = hosts::case("linux-6.18-root");
    let run = bpfready(&["check", "--recording", &host, "-o", "prometheus"]);
    let series: Vec<&str> = run.stdout.lines().filter(|it| !it.starts_with('#')).collect();
    assert!(series.len() < 500, "{}", series.len());
    let mut sums: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
    for line in series.iter().filter(|it| !it.starts_with("bpfready_bpf_answers")) {
        if let Some((set, state)) = line.split_once("state=") {
            *sums.entry(set).or_default() +=
                state.split_once(' ').unwrap().1.parse::<f64>().unwrap();
        }
    }
    assert!(sums.len() > 10 && sums.values().all(|it| *it == 1.0), "{sums:#?}");
}

/// `promtool check metrics`; `cargo xtask test` brings the program.
#[test]
fn promtool_accepts_the_metrics() {
    let host = hosts::case("linux-6.18-root");
    let run = bpfready(&["check", "--recording", &host, "-o", "prometheus"]);
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = promtool.expect("promtool is on PATH: `cargo xtask test` sees to it");
    promtool.stdin.take().unwrap().write_all(run.stdout.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && words.is_empty(), "{words}");
}

#[test]
fn a_variable_may_not_force_colour_into_json() {
    let host = hosts::case("linux-6.18-root");
    let mut forced = command(&["check", "--recording", &host, "-o", "json", "--color", "always"]);
    forced.env("CLICOLOR_FORCE", "1");
    assert!(!finish(forced).stdout.contains(ESCAPE));
}
