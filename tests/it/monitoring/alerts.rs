//! The alert rules, by Prometheus' own tool and by the style of monitoring mixins.

use std::collections::BTreeSet;
use std::process::Command;

use super::expressions::{alerts, chart};

#[track_caller]
fn promtool(args: &[&str], file: std::path::PathBuf) {
    let mut promtool = Command::new("promtool");
    let output = promtool.args(args).arg(file).output();
    let output = output.expect("promtool is on PATH: `cargo xtask test` sees to it");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_reads_the_rules() {
    promtool(&["check", "rules"], chart().join("alerts.yaml"));
}

#[test]
fn promtool_sees_each_alert_fire_when_it_should() {
    promtool(&["test", "rules"], bpfready_tests::root().join("tests/alerts/alerts.yaml"));
}

/// The unit tests name every alert.
#[test]
fn every_alert_has_a_unit_test() {
    let path = bpfready_tests::root().join("tests/alerts/alerts.yaml");
    let tests = std::fs::read_to_string(path).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(tests.contains(&format!("alertname: {name}\n        exp_alerts:")), "{name}");
    }
}

/// <https://monitoring.mixins.dev>: what whoever is woken up needs.
#[test]
fn every_alert_says_what_to_do() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("Bpfready"), "{name}");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}");
        assert!(alert["for"].is_string(), "{name}: one odd scrape must wake nobody");
        for key in ["summary", "description", "runbook_url"] {
            assert!(alert["annotations"][key].is_string(), "{name} has no {key}");
        }
        let url = alert["annotations"]["runbook_url"].as_str().unwrap();
        assert!(url.ends_with(&format!("/docs/runbooks/{name}.md")), "{name}: {url}");
    }
}

#[test]
fn runbooks_and_alerts_are_the_same_list() {
    let dir = bpfready_tests::root().join("docs/runbooks");
    let files: BTreeSet<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| it != "README.md")
        .collect();
    let expected =
        alerts().iter().map(|it| format!("{}.md", it["alert"].as_str().unwrap())).collect();
    assert_eq!(files, expected);
}

/// Meaning, how to look, what to do: a reader at three in the morning knows where.
#[test]
fn every_runbook_has_the_same_three_parts() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let path = bpfready_tests::root().join(format!("docs/runbooks/{name}.md"));
        let text = std::fs::read_to_string(path).unwrap();
        for heading in ["## Meaning", "## Look", "## Do"] {
            assert!(text.contains(heading), "{name} lacks {heading}");
        }
    }
}
