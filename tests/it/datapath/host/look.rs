//! What the real binary says of a host.

use std::fs;
use std::process::{Child, Command, Stdio};

use bpfready::facts::links::{Link, NetworkFacts};
use bpfready::judge::report::Verdict;
use serde::Deserialize;

use super::Host;
use super::network::has_everything;

/// What the DaemonSet's container has, and nothing else.
const DAEMONSET: [&str; 6] = [
    "setpriv",
    "--no-new-privs",
    "--bounding-set",
    "-all,+bpf,+perfmon,+net_admin",
    "--inh-caps",
    "-all,+bpf,+perfmon,+net_admin",
];

impl Host {
    /// The verdict of the real binary, which is the same as root and with the DaemonSet's rights.
    #[track_caller]
    pub(in crate::datapath) fn verdict(&self) -> Verdict {
        self.seen().0
    }

    /// That verdict and the links that it rests on; by the lesser rights alone where a look takes
    /// seconds.
    #[track_caller]
    pub(in crate::datapath) fn seen(&self) -> (Verdict, Vec<Link>) {
        let limited = [&DAEMONSET[..], &["/bpfready"]].concat();
        let mut looks = match has_everything() {
            true => look(&[&limited]),
            false => look(&[&limited, &["/bpfready"]]),
        };
        let whole = (looks.len() == 2).then(|| looks.remove(1).parts());
        let limited = looks.remove(0).parts();
        if let Some(whole) = whole {
            expect_same(&whole, &limited);
        }
        limited
    }

    /// The verdict of the real binary without any capability.
    #[track_caller]
    pub(in crate::datapath) fn verdict_without_rights(&self) -> Verdict {
        let none = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "/bpfready"];
        look(&[&none]).pop().unwrap().verdict
    }
}

/// Rights change no verdict.
#[track_caller]
fn expect_same(root: &(Verdict, Vec<Link>), limited: &(Verdict, Vec<Link>)) {
    let of = |(it, links): &(Verdict, Vec<Link>)| {
        let ready = (it.cilium.ready, it.cilium.ready_why.clone());
        (it.datapath.clone(), it.service_proxy.clone(), ready, links.clone())
    };
    assert_eq!(of(root), of(limited), "as root, and with the DaemonSet's rights");
}

#[derive(Deserialize)]
struct Report {
    verdict: Verdict,
    facts: Seen,
}

/// Of the facts.
#[derive(Deserialize)]
struct Seen {
    network: NetworkFacts,
}

impl Report {
    #[track_caller]
    fn parts(self) -> (Verdict, Vec<Link>) {
        (self.verdict, self.facts.network.links.known().expect("links need no right").clone())
    }
}

/// Looks by each of these commands, side by side; again while a server of the test was too slow on
/// a busy machine.
#[track_caller]
fn look(commands: &[&[&str]]) -> Vec<Report> {
    for _ in 0..40 {
        let runs = commands.iter().enumerate().map(|(at, words)| {
            let path = format!("/tmp/report-{at}.json");
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args(["check", "-o", "json"]).env_clear();
            command.env("PATH", "/usr/sbin:/usr/bin").stdin(Stdio::null());
            (path.clone(), command.stdout(fs::File::create(path).unwrap()).spawn().unwrap())
        });
        let runs: Vec<(String, Child)> = runs.collect();
        let texts: Vec<String> = runs
            .into_iter()
            .map(|(path, mut child)| {
                child.wait().unwrap();
                fs::read_to_string(path).unwrap()
            })
            .collect();
        if texts.iter().any(|it| it.contains("\"timeout\"")) {
            continue;
        }
        let read = |it: &String| serde_json::from_str::<Report>(it).unwrap();
        return texts.iter().map(read).collect();
    }
    panic!("no look ended without a timeout");
}
