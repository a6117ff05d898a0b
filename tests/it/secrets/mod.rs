//! Secrets of a host stay there: not in a recording, a report, a metric or a log.

mod served;

use std::fs;
use std::path::Path;

use crate::run::{Run, bpfready};

/// What must never be seen again. Each place has its own, so that a failure says where it came from.
const PLANTED: &[(&str, &str)] = &[
    (
        "proc/cmdline",
        "root=/dev/vda1 rd.luks.key=planted-cmdline api_token=planted-cmdline2 quiet\n",
    ),
    (
        "proc/1/mountinfo",
        "36 1 0:30 / /mnt rw - cifs //nas/x rw,username=u,password=planted-mount\n",
    ),
    ("proc/self/mountinfo", "36 1 0:30 / /mnt rw - cifs //nas/x rw,password=planted-self-mount\n"),
    ("proc/77/comm", "calico-node\n"),
    (
        "proc/77/cmdline",
        "calico-node\0-felix\0--etcd-password=planted-argument\0--token\0planted-next-argument\0",
    ),
    ("proc/77/environ", "AWS_SECRET_ACCESS_KEY=planted-environ\0"),
    ("proc/77/status", "Name:\tcalico-node\nPid:\t77\n"),
    ("proc/77/cgroup", "0::/kubepods.slice\n"),
    (
        "etc/cni/net.d/10-calico.conflist",
        r#"{"cniVersion":"0.3.1","name":"k8s-pod-network","plugins":[{"type":"calico","etcd_key":"planted-cni-key","policy":{"type":"k8s","k8s_auth_token":"planted-cni-token"},"kubernetes":{"k8s_api_root":"https://u:planted-cni-url@10.0.0.1"}}]}"#,
    ),
    (
        "etc/cni/net.d/calico-kubeconfig",
        "users:\n- name: calico\n  user:\n    token: planted-kubeconfig\n",
    ),
    (
        "etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nSUPPORT_URL=\"https://u:planted-os-release@x\"\n",
    ),
    ("var/run/secrets/kubernetes.io/serviceaccount/token", "planted-service-account\n"),
    ("var/lib/kubelet/kubeconfig", "token: planted-kubelet\n"),
];
const MARK: &str = "planted-";

/// A host's files with a secret in each place where one can be.
fn host() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in PLANTED {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[track_caller]
fn holds_none(what: &str, text: &str) {
    let found = text.find(MARK).map(|at| &text[at..text.len().min(at + 40)]);
    assert_eq!(found, None, "{what}");
}

/// Everything below a folder, names included.
fn holds_none_below(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += holds_none_below(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        holds_none(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        files += 1;
    }
    files
}

fn look(root: &Path, output: &str) -> Run {
    let root = root.to_str().unwrap();
    bpfready(&["--log", "trace", "check", "--root", root, "-o", output])
}

#[test]
fn reports_and_logs_hold_no_secret_of_the_host() {
    let host = host();
    for output in ["text", "json", "prometheus", "labels"] {
        let run = look(host.path(), output);
        assert!(!run.stdout.is_empty() && !run.stderr.is_empty(), "{output}");
        holds_none(&format!("{output} on stdout"), &run.stdout);
        holds_none(&format!("the log of {output}"), &run.stderr);
    }
}

#[test]
fn a_recording_holds_no_secret_of_the_host() {
    let (host, dir) = (host(), tempfile::tempdir().unwrap());
    let target = dir.path().join("recording");
    let args = ["--log", "trace", "record", "--root"];
    let paths = [host.path().to_str().unwrap(), target.to_str().unwrap()];
    let run = bpfready(&[&args[..], &paths].concat());
    holds_none("the log of record", &run.stderr);
    holds_none("stdout of record", &run.stdout);
    assert!(holds_none_below(&target) > 3, "a recording has files");
}

/// What was asked for without `=` is the next word of a command line.
#[test]
fn the_planted_places_are_read_at_all() {
    let run = look(host().path(), "json");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["facts"]["kernel"]["os"]["known"]["id"], "debian", "{}", run.stdout.len());
}
