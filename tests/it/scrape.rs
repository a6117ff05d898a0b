//! A whole scrape: compared with one that was reviewed, and read by Prometheus' own tool.
//!
//! `BLESS=1 cargo test -p bpfready-tests scrape` rewrites it; the diff is then reviewed.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use bpfready::publish::names::{Metric, agent, metrics};
use bpfready::publish::prometheus::MAX_SERIES;
use bpfready::publish::reference::{Values, values_of};

use crate::agent::Agent;

const GOLDEN: &str = "tests/hosts/linux-6.18-root/want/scrape.txt";
const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0\r\n";

/// Times, and what the process takes: the value differs from scrape to scrape.
fn differs(name: &str) -> bool {
    let takes_time = name.ends_with("_duration_seconds") || name.ends_with("_age_seconds");
    takes_time || name.starts_with("process_") || name == agent::HTTP_CONNECTIONS.name
}

fn name_of(line: &str) -> &str {
    line.split(['{', ' ']).next().unwrap()
}

fn samples(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|it| !it.starts_with('#'))
}

/// The scrape without what differs each time: `_` for values, and no series about who asked before.
fn settled(text: &str) -> String {
    let mut settled = String::new();
    for line in text.lines() {
        let name = name_of(line);
        if name == agent::HTTP_REQUESTS.name {
            continue;
        }
        match line.rsplit_once(' ') {
            Some((series, _)) if differs(name) => settled += &format!("{series} _\n"),
            _ => settled += &format!("{line}\n"),
        }
    }
    settled
}

#[test]
fn a_scrape_is_what_was_reviewed() {
    let agent = Agent::start(&["--programs"]);
    let (status, head, text) = agent.get("/metrics", "");
    assert_eq!(status, 200);
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let golden = bpfready_tests::root().join(GOLDEN);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, settled(&text)).unwrap();
    }
    let golden = std::fs::read_to_string(golden).unwrap_or_default();
    let settled = settled(&text);
    let differing: Vec<_> = settled.lines().filter(|it| !golden.contains(it)).take(20).collect();
    assert!(
        settled == golden,
        "{differing:#?} and maybe more differ from {GOLDEN}: run `BLESS=1 cargo test -p \
         bpfready-tests scrape`, review the git diff"
    );
}

#[test]
fn both_forms_say_the_same_and_promtool_reads_both() {
    let agent = Agent::start(&["--programs"]);
    let classic = agent.get("/metrics", "").2;
    let (_, head, openmetrics) = agent.get("/metrics", OPENMETRICS);
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    let series = |text: &str| -> Vec<String> {
        let series = samples(text).map(|it| it.rsplit_once(' ').unwrap().0.to_owned());
        series.filter(|it| name_of(it) != agent::HTTP_REQUESTS.name).collect()
    };
    assert_eq!(series(&classic), series(&openmetrics));
    let words = promtool(&["check", "metrics"], &classic);
    assert!(words.is_empty(), "{words}");
    read_as_openmetrics(&openmetrics);
}

/// `promtool check metrics` knows the classic form alone. What imports series reads OpenMetrics by
/// Prometheus' own parser, and wants a time with each sample.
fn read_as_openmetrics(text: &str) {
    let mut timed = String::new();
    for line in text.lines() {
        let is_sample = !line.starts_with('#');
        timed += &format!("{line}{}\n", if is_sample { " 1795401870" } else { "" });
    }
    let dir = tempfile::tempdir().unwrap();
    let (scrape, blocks) = (dir.path().join("scrape"), dir.path().join("blocks"));
    std::fs::write(&scrape, timed).unwrap();
    let places = [scrape.to_str().unwrap(), blocks.to_str().unwrap()];
    promtool(&[&["tsdb", "create-blocks-from", "openmetrics"], &places[..]].concat(), "");
    assert!(blocks.read_dir().unwrap().count() > 0, "nothing was imported");
}

/// What promtool says to this input; it succeeds.
#[track_caller]
fn promtool(args: &[&str], input: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is on PATH: `cargo xtask test` sees to it");
    // One that asks for no input may be gone already.
    let _ = promtool.stdin.take().unwrap().write_all(input.as_bytes());
    let output = promtool.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{words}");
    words
}

/// One label of a sample and its value; no value here holds a comma or a quote.
fn labels(sample: &str) -> BTreeMap<&str, &str> {
    let Some((_, rest)) = sample.split_once('{') else { return BTreeMap::new() };
    let labels = rest.rsplit_once('}').unwrap().0;
    labels
        .split("\",")
        .map(|it| it.split_once("=\"").unwrap())
        .map(|(key, value)| (key, value.trim_end_matches('"')))
        .collect()
}

/// What `docs/metrics.md` says of names and values is true of a scrape.
#[test]
fn every_series_has_the_labels_and_values_of_its_description() {
    let agent = Agent::start(&["--programs", "--statistics"]);
    let text = agent.get("/metrics", "").2;
    let known = |name: &str| -> &Metric {
        let all = metrics::ALL.iter().chain(agent::ALL);
        all.into_iter().find(|it| it.name == name).unwrap_or_else(|| panic!("{name} is not known"))
    };
    for sample in samples(&text) {
        let metric = known(name_of(sample));
        let labels = labels(sample);
        assert!(labels.keys().all(|it| metric.labels.contains(it)), "{sample}");
        assert_eq!(labels.len(), metric.labels.len(), "{sample}");
        for (label, value) in labels {
            if let Values::Closed(words) = values_of(metric, label) {
                assert!(words.contains(&value), "{sample}: {words:?}");
            }
        }
    }
}

/// In a recording no program runs: what was asked for is unknown, never 0.
#[test]
fn statistics_that_cannot_be_had_are_unknown() {
    let agent = Agent::start(&["--statistics"]);
    let text = agent.get("/metrics", "").2;
    assert!(text.contains("\nbpfready_bpf_statistics{state=\"on\"} 0"), "{text}");
    assert!(text.contains("\nbpfready_bpf_statistics{state=\"unknown\"} 1"), "{text}");
    assert!(!text.contains("bpfready_bpf_program_run"), "{text}");
}

/// The tests run as root; the agent loads programs of its own with each look, so some are told.
#[test]
fn statistics_are_told_and_a_live_node_stays_under_its_number_of_series() {
    let agent = Agent::here(&["--statistics"]);
    let text = agent.get("/metrics", "").2;
    assert!(text.contains("\nbpfready_bpf_statistics{state=\"on\"} 1"), "{text}");
    let told = |name: &str| samples(&text).filter(|it| name_of(it) == name).count();
    let programs = told(agent::PROGRAM_INFO.name);
    assert!(told(agent::PROGRAM_RUNS.name) <= programs);
    assert_eq!(told(agent::PROGRAMS_LEFT_OUT.name), 1);
    let series = samples(&text).count();
    assert!(series < MAX_SERIES, "{series} series");
}
