//! Recordings by the real binary: the round trip, and everything that can be wrong with one.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hosts;
use crate::run::{Run, bpfready, expect_error};

/// A copy of a recorded host that a test may break.
fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(Path::new(&hosts::case("linux-6.18-root")), copy.path());
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn check(dir: &Path, output: &str) -> Run {
    bpfready(&["check", "--recording", dir.to_str().unwrap(), "-o", output])
}

fn json(dir: &Path) -> Value {
    let run = check(dir, "json");
    serde_json::from_str(&run.stdout).unwrap_or_else(|it| panic!("{it}: {}", run.stderr))
}

fn record(dir: &Path) -> Run {
    bpfready(&["record", dir.to_str().unwrap()])
}

#[test]
fn a_recording_gives_the_verdict_and_the_exit_code_of_the_host_it_was_made_on() {
    let dir = tempfile::tempdir().unwrap();
    let recorded = record(dir.path());
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    let live = bpfready(&["check", "-o", "json"]);
    let replayed = check(dir.path(), "json");
    let verdict =
        |run: &Run| serde_json::from_str::<Value>(&run.stdout).unwrap()["verdict"].clone();
    assert_eq!(verdict(&live), verdict(&replayed));
    assert_eq!(live.code, replayed.code);
}

/// Every file below `dir` but those that hold times, ids, the age of neighbours or packet counters.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files.remove("host.json").expect("a recording has a header");
    let changing = ["kernel/inventory", "kernel/network", "kernel/firewall"];
    files.retain(|name, _| !changing.iter().any(|it| name.starts_with(it)));
    files
}

#[test]
fn recording_twice_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(record(one.path()).code, Some(0));
    assert_eq!(record(two.path()).code, Some(0));
    let (one, two) = (files(one.path()), files(two.path()));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs");
    }
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), "keep").unwrap();
    expect_error(&record(dir.path()), &["is not empty", dir.path().to_str().unwrap()]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// A token in every kind of place that a recording reads from.
#[test]
fn planted_secrets_are_not_in_the_recording() {
    let (root, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(root.path().join("etc")).unwrap();
    let planted = "ID=debian\nPRETTY_NAME=\"x api_token=hunter2hunter2\"\n\
                   HOME_URL=\"https://me:hunter2hunter2@example.org/\"\n";
    std::fs::write(root.path().join("etc/os-release"), planted).unwrap();
    let (root, out) = (root.path().to_str().unwrap(), dir.path().to_str().unwrap());
    let run = bpfready(&["record", out, "--root", root]);
    assert!(run.stdout.contains("2 secrets or addresses redacted"), "{}", run.stdout);
    let recorded = files(dir.path());
    let text = String::from_utf8(recorded["root/etc/os-release"].clone()).unwrap();
    assert!(text.contains("ID=debian") && text.contains("REDACTED"), "{text}");
    let leaks = recorded.iter().filter(|it| it.1.windows(7).any(|it| it == b"hunter2"));
    assert_eq!(leaks.count(), 0);
}

#[test]
fn rights_are_those_of_the_recorded_host() {
    let report = json(Path::new(&hosts::case("linux-6.18-no-capabilities")));
    assert_eq!(report["facts"]["privilege"]["known"]["effective"], json!([]));
}

#[test]
fn what_is_no_recording_is_said_so() {
    let empty = tempfile::tempdir().unwrap();
    expect_error(&check(empty.path(), "text"), &["no host.json", "bpfready record"]);
    expect_error(&check(Path::new("/nonexistent"), "text"), &["/nonexistent", "No such file"]);
    expect_error(&check(Path::new("/etc/passwd"), "text"), &["/etc/passwd", "Not a directory"]);
}

#[test]
fn a_newer_schema_is_refused_before_anything_else_is_read() {
    let dir = copy();
    let newer = json!({"schema": 4_000_000, "kind": "something new"}).to_string();
    std::fs::write(dir.path().join("host.json"), newer).unwrap();
    expect_error(&check(dir.path(), "text"), &["schema 4000000", "reads up to 1", "newer one"]);
}

#[test]
fn describing_files_that_are_cut_short_are_an_error_that_names_them() {
    for name in ["host.json", "paths.json"] {
        let dir = copy();
        let path = dir.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        expect_error(&check(dir.path(), "text"), &[name, "malformed or cut short", "line"]);
    }
}

#[test]
fn an_answer_of_the_wrong_shape_costs_that_answer_only() {
    for wrong in ["", "{", "[1, 2]", "\"yes\"", "{\"known\": {\"release\": 7}}", "\u{0}\u{1}"] {
        let dir = copy();
        std::fs::write(dir.path().join("kernel/uname.json"), wrong).unwrap();
        let report = json(dir.path());
        let uname = &report["facts"]["kernel"]["uname"];
        assert_eq!(uname["unknown"]["cause"], "malformed", "{wrong:?}: {uname}");
        assert!(report["facts"]["privilege"]["known"].is_object());
    }
}

#[test]
fn an_answer_that_is_missing_was_not_recorded() {
    let dir = copy();
    std::fs::remove_file(dir.path().join("kernel/uname.json")).unwrap();
    let report = json(dir.path());
    assert_eq!(report["facts"]["kernel"]["uname"]["unknown"]["cause"], "not_recorded");
}

#[test]
fn a_file_that_was_found_and_is_missing_now_is_no_absence() {
    let dir = copy();
    std::fs::remove_file(dir.path().join("root/etc/os-release")).unwrap();
    let report = json(dir.path());
    let os = &report["facts"]["kernel"]["os"]["unknown"];
    assert_eq!(os["cause"], "malformed", "{os}");
    assert!(os["detail"].as_str().unwrap().contains("cut short"), "{os}");
}

/// A recording comes from somebody else: it must not read this machine's files.
#[test]
fn a_symlink_that_leads_out_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "ID=leaked\n").unwrap();
    let dir = copy();
    let path = dir.path().join("root/etc/os-release");
    std::fs::remove_file(&path).unwrap();
    symlink(outside.path().join("secret"), &path).unwrap();
    let run = check(dir.path(), "json");
    assert!(!run.stdout.contains("leaked"), "{}", run.stdout);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(report["facts"]["kernel"]["os"]["unknown"].is_object());
}

#[test]
fn a_folder_in_place_of_a_file_and_an_endless_file_are_unknown() {
    let dir = copy();
    let path = dir.path().join("root/etc/os-release");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(json(dir.path())["facts"]["kernel"]["os"]["unknown"].is_object());
    std::fs::remove_dir(&path).unwrap();
    // Sparse: 33 MiB that take no room.
    std::fs::File::create(&path).unwrap().set_len(33 << 20).unwrap();
    let report = json(dir.path());
    assert_eq!(report["facts"]["kernel"]["os"]["unknown"]["cause"], "too_large");
}
