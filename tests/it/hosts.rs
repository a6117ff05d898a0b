//! Every host of `tests/hosts/` through all four layers, compared with its `want/` files.
//!
//! `BLESS=1 cargo test -p bpfready-tests hosts` rewrites them; the diff is then reviewed.
//! A host of origin `recorded` shows the world, one of origin `composed` only the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bpfready::facts::Facts;
use bpfready::facts::bpf::Support;
use bpfready::judge::{NodeReport, Policy, judge};
use bpfready::observe::recording::{Origin, Recording};
use bpfready::observe::{Host, snapshot};
use bpfready::publish;
use bpfready_tests::goldens;

pub(crate) fn dir() -> PathBuf {
    bpfready_tests::root().join("tests/hosts")
}

/// The folder of one case, for the command line.
pub(crate) fn case(name: &str) -> String {
    dir().join(name).to_str().unwrap().to_owned()
}

fn cases() -> Vec<PathBuf> {
    goldens::cases(&dir())
}

pub(crate) fn facts(case: &Path) -> Facts {
    snapshot(&Host::recorded(Recording::open(case).unwrap()))
}

fn report(case: &Path) -> NodeReport {
    judge(facts(case), &Policy::default())
}

/// What is compared: the verdict, and what people and the API server see of it.
fn views(report: &NodeReport) -> BTreeMap<&'static str, String> {
    let view = publish::text::View { columns: 80, required: None };
    let text = publish::text::render(report, &view);
    let verdict = serde_json::to_string_pretty(&report.verdict).unwrap() + "\n";
    BTreeMap::from([
        ("check.txt", anstream::adapter::strip_str(&text).to_string()),
        ("labels.txt", publish::labels::render(report)),
        ("verdict.json", verdict),
    ])
}

#[test]
fn every_host_gives_the_verdict_that_was_reviewed() {
    goldens::compare(&dir(), |case| views(&report(case)));
}

#[test]
fn every_host_says_where_it_comes_from() {
    for case in cases() {
        let recording = Recording::open(&case).unwrap();
        let header = recording.header();
        let composed = header.origin == Origin::Composed;
        assert_eq!(composed, !header.note.is_empty(), "{}: a note, if composed", case.display());
    }
}

/// Every answer of bpf(2) by name.
fn answers(facts: &Facts) -> BTreeMap<String, Support> {
    let bpf = &facts.bpf;
    let mut answers = BTreeMap::new();
    for (name, program) in &bpf.programs {
        answers.insert(format!("program {name}"), program.load.clone());
        for (attach, support) in &program.by_attach_type {
            answers.insert(format!("program {name} for {attach}"), support.clone());
        }
    }
    let named = |kind: &str, name: &String| format!("{kind} {name}");
    answers.extend(bpf.maps.iter().map(|it| (named("map", it.0), it.1.clone())));
    answers.extend(bpf.map_flags.iter().map(|it| (named("flag", it.0), it.1.clone())));
    answers.extend(bpf.attach_types.iter().map(|it| (named("attach", it.0), it.1.clone())));
    answers.extend(bpf.link_types.iter().map(|it| (named("link", it.0), it.1.clone())));
    answers.extend(bpf.features.iter().map(|it| (format!("feature {:?}", it.0), it.1.clone())));
    answers.extend(facts.selftests.iter().map(|it| (format!("test {:?}", it.0), it.1.clone())));
    answers.extend(facts.net_probes.iter().map(|it| (format!("net {:?}", it.0), it.1.clone())));
    answers
}

/// Fewer rights or a filter may cost an answer; they never turn a yes into a no.
#[track_caller]
fn expect_no_false_no(poor: &str, rich: &str) {
    let (poor, rich) = (facts(&dir().join(poor)), facts(&dir().join(rich)));
    let rich = answers(&rich);
    let noes = answers(&poor).into_iter().filter(|it| matches!(it.1, Support::Unsupported(_)));
    let wrong: Vec<_> =
        noes.filter(|it| !matches!(rich.get(&it.0), Some(Support::Unsupported(_)))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_capabilities_every_no_is_a_no_as_root() {
    expect_no_false_no("linux-6.18-no-capabilities", "linux-6.18-root");
}

#[test]
fn with_three_capabilities_every_no_is_a_no_as_root() {
    expect_no_false_no("linux-6.18-three-capabilities", "linux-6.18-root");
}

#[test]
fn behind_a_seccomp_filter_every_no_is_a_no_without_it() {
    expect_no_false_no("linux-6.18-seccomp", "linux-6.18-root");
}
