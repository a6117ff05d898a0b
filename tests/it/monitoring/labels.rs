//! Labels by which an expression selects, groups and joins are labels that its metrics have: one
//! that nobody exports selects nothing, or makes one group of everything.

use std::collections::BTreeSet;

use bpfready::publish::names;
use bpfready::publish::reference::{Values, values_of};

use crate::manifests::kustomized;

use super::expressions::{alerts, all, dashboards, exported, histogram, panels};

/// What Prometheus, and the PodMonitor's relabelings, add to everything that is scraped; `cluster`
/// where one Prometheus gathers several.
const OF_TARGETS: [&str; 4] = ["job", "instance", "node", "cluster"];

/// Metrics that others export, with their labels: `up` of Prometheus, the rest of node_exporter
/// (`collector/cpu_linux.go`, `softnet_linux.go`, `netdev_common.go`, `netstat_linux.go`).
const OF_OTHERS: [(&str, &[&str]); 8] = [
    // Where scrape annotations are followed, with the labels of the pod.
    ("up", &["app_kubernetes_io_name", "app_kubernetes_io_component"]),
    ("node_cpu_seconds_total", &["cpu", "mode"]),
    ("node_softnet_processed_total", &["cpu"]),
    ("node_softnet_dropped_total", &["cpu"]),
    ("node_network_receive_drop_total", &["device"]),
    ("node_network_transmit_drop_total", &["device"]),
    ("node_netstat_Tcp_RetransSegs", &[]),
    ("node_netstat_Tcp_OutSegs", &[]),
];

/// The labels of a metric, or `None` for a word that names none.
fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    if let Some(of_others) = OF_OTHERS.iter().find(|it| it.0 == name) {
        return Some(of_others.1.to_vec());
    }
    if histogram(name) == names::cluster::STARTUP && histogram(name) != name {
        return Some(vec!["compute", "stage", "le"]);
    }
    Some(exported().iter().find(|it| it.name == name)?.labels.to_vec())
}

fn is_of_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// Every label that series in this part of an expression can have.
fn labels_in(part: &str) -> BTreeSet<&str> {
    let mut labels: BTreeSet<&str> = OF_TARGETS.into();
    for word in part.split(|it| !is_of_word(it)) {
        labels.extend(labels_of(word).into_iter().flatten());
    }
    // label_replace(v, "destination", …)
    for (at, _) in part.match_indices("label_replace(") {
        let inside = inside(&part[at..]);
        let words: Vec<&str> = inside.split('"').collect();
        let [.., destination, _, _, _, _, _, _, _] = words[..] else { panic!("{inside}") };
        labels.insert(destination);
    }
    labels
}

/// What is between the first parenthesis and its partner.
fn inside(text: &str) -> &str {
    let open = text.find('(').unwrap() + 1;
    let mut depth = 1;
    let end = text[open..].find(|it| {
        depth += i32::from(it == '(') - i32::from(it == ')');
        depth == 0
    });
    &text[open..open + end.unwrap_or_else(|| panic!("no end of {text}"))]
}

/// Where this word stands as a keyword with a list of labels: the list, and the places of its
/// beginning and end.
fn lists<'a>(expression: &'a str, keyword: &'a str) -> Vec<(Vec<&'a str>, usize, usize)> {
    let found = expression.match_indices(keyword).filter(|(at, _)| {
        let rest = expression[at + keyword.len()..].trim_start();
        !expression[..*at].ends_with(is_of_word) && rest.starts_with('(')
    });
    let list = |(at, _): (usize, &str)| {
        let inside = inside(&expression[at..]);
        let end = inside.as_ptr() as usize - expression.as_ptr() as usize + inside.len() + 1;
        (inside.split(',').map(str::trim).filter(|it| !it.is_empty()).collect(), at, end)
    };
    found.map(list).collect()
}

/// The parts before and after a place, as far as the parentheses around it reach.
fn sides(expression: &str, from: usize, to: usize) -> (&str, &str) {
    let ends = |depth: &mut i32, it: char, opens: char, closes: char| {
        *depth += i32::from(it == opens) - i32::from(it == closes);
        *depth < 0
    };
    let mut depth = 0;
    let left = expression[..from].rfind(|it| ends(&mut depth, it, ')', '(')).map_or(0, |at| at + 1);
    depth = 0;
    let right = expression[to..].find(|it| ends(&mut depth, it, '(', ')'));
    (&expression[left..from], &expression[to..right.map_or(expression.len(), |at| to + at)])
}

#[track_caller]
fn has_all(place: &str, part: &str, wanted: &[&str]) {
    let labels = labels_in(part);
    let missing: Vec<_> = wanted.iter().filter(|it| !labels.contains(**it)).collect();
    assert!(missing.is_empty(), "{place}: no {missing:?} in {part}");
}

#[test]
fn what_is_grouped_by_is_there() {
    let mut seen = 0;
    for (place, expression) in all() {
        assert!(lists(&expression, "without").is_empty(), "{place}: not known here");
        for (labels, _, end) in lists(&expression, "by") {
            has_all(&place, inside(&expression[end..]), &labels);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn what_is_joined_on_is_on_both_sides_and_what_is_taken_over_on_the_other() {
    let mut seen = 0;
    for (place, expression) in all() {
        for other in ["ignoring", "group_right"] {
            assert!(lists(&expression, other).is_empty(), "{place}: not known here");
        }
        for (labels, from, to) in lists(&expression, "on") {
            let (left, right) = sides(&expression, from, to);
            has_all(&place, left, &labels);
            has_all(&place, right, &labels);
            seen += 1;
        }
        for (labels, from, to) in lists(&expression, "group_left") {
            has_all(&place, sides(&expression, from, to).1, &labels);
        }
    }
    assert!(seen > 8, "{seen}");
}

/// The matchers of a selector: label, operator, value.
fn matchers(text: &str) -> Vec<(&str, &str, &str)> {
    let mut matchers = Vec::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('"') {
        let (value, tail) = tail.split_once('"').unwrap();
        let head = head.trim_start_matches([',', ' ']);
        let at = head.find(|it| !is_of_word(it)).unwrap();
        matchers.push((&head[..at], head[at..].trim(), value));
        rest = tail;
    }
    matchers
}

/// Whether one of the words is what a matcher of this operator and value can mean.
fn can_match(words: &[&str], operator: &str, value: &str) -> bool {
    if value.starts_with('$') {
        return true;
    }
    let same = |word: &&str, pattern: &str| {
        // `.` is the one sign of regular expressions that the alternatives have.
        word.len() == pattern.len()
            && word.chars().zip(pattern.chars()).all(|(it, wanted)| wanted == '.' || it == wanted)
    };
    match operator {
        "=" | "!=" => words.contains(&value),
        _ => value.split('|').all(|pattern| words.iter().any(|word| same(word, pattern))),
    }
}

/// A selector for a label that the metric lacks, or for a value that it never has, finds nothing.
#[test]
fn what_is_selected_by_is_a_label_of_the_metric_and_a_value_of_the_label() {
    let mut values = 0;
    for (place, expression) in all() {
        for (at, _) in expression.match_indices('{') {
            let start = expression[..at].rfind(|it| !is_of_word(it)).map_or(0, |it| it + 1);
            let name = &expression[start..at];
            let labels = labels_of(name).unwrap_or_else(|| panic!("{place}: {name}"));
            let end = expression[at..].find('}').unwrap();
            for (label, operator, value) in matchers(&expression[at + 1..at + end]) {
                let is_known = labels.contains(&label) || OF_TARGETS.contains(&label);
                assert!(is_known, "{place}: {name} has no label {label}");
                let exported = exported();
                let metric = exported.iter().find(|it| it.name == name);
                let Some(metric) = metric.filter(|_| labels.contains(&label)) else { continue };
                let Values::Closed(words) = values_of(metric, label) else { continue };
                let can = can_match(&words, operator, value);
                assert!(can, "{place}: {label}{operator}{value:?} of {name}, not in {words:?}");
                values += 1;
            }
        }
    }
    assert!(values > 20, "{values}");
}

/// The labels that the result of an expression keeps, where it says so itself: those it groups by
/// at its beginning, those of the one metric that it selects; else any that it names.
fn kept(expression: &str) -> BTreeSet<&str> {
    let aggregated = ["sum", "max", "min", "avg", "count"].iter().find_map(|it| {
        let rest = expression.trim().strip_prefix(it)?.trim_start().strip_prefix("by")?;
        Some(inside(rest).split(',').map(str::trim).collect())
    });
    aggregated.unwrap_or_else(|| labels_in(expression))
}

/// A legend of a label that was grouped away is empty; an alert's text has a hole.
#[test]
fn what_a_legend_or_an_alert_names_is_kept() {
    let mut seen = 0;
    for (name, dashboard) in dashboards() {
        for target in panels(&dashboard).flat_map(|it| it["targets"].as_array().unwrap()) {
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            let expression = target["expr"].as_str().unwrap();
            for label in legend.split("{{").skip(1).map(|it| it.split("}}").next().unwrap()) {
                assert!(kept(expression).contains(label.trim()), "{name}: {label}: {expression}");
                seen += 1;
            }
        }
    }
    for alert in alerts() {
        let text = alert["annotations"]["description"].as_str().unwrap();
        for (at, word) in text.match_indices("$labels.") {
            let label = text[at + word.len()..].split(|it| !is_of_word(it)).next().unwrap();
            let expression = alert["expr"].as_str().unwrap();
            assert!(kept(expression).contains(label), "{}: {label}", alert["alert"]);
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

/// The operator puts these on every series that it scrapes; without `honorLabels` ours gives way,
/// as `exported_namespace`.
#[test]
fn labels_of_ours_win_over_those_of_the_scrape() {
    let of_scrape = ["namespace", "pod", "container", "endpoint", "node", "job", "instance"];
    let clashes = |it: &names::Metric| it.labels.iter().any(|it| of_scrape.contains(it));
    assert!(exported().iter().any(clashes), "Fargate pods are told by namespace");
    let documents = kustomized("overlays/prometheus-operator");
    let monitors: Vec<_> = documents.iter().filter(|it| it["kind"] == "PodMonitor").collect();
    assert_eq!(monitors.len(), 2);
    for endpoint in monitors.iter().map(|it| &it["spec"]["podMetricsEndpoints"][0]) {
        assert_eq!(endpoint["honorLabels"], true, "{endpoint}");
    }
}

#[test]
fn the_recogniser_reads_what_promql_means() {
    let expression = r#"sum by (a) (x * on (job) group_left (b) max by (job, b) (y{c="d"}))"#;
    let [(labels, from, to)] = &lists(expression, "on")[..] else { panic!() };
    assert_eq!(*labels, ["job"]);
    let (left, right) = sides(expression, *from, *to);
    assert_eq!(left, "x * ");
    assert_eq!(right, r#" group_left (b) max by (job, b) (y{c="d"})"#);
    assert_eq!(matchers(r#"a="b", c=~"d|e""#), [("a", "=", "b"), ("c", "=~", "d|e")]);
    assert!(can_match(&["aws-vpc-cni+cilium"], "=~", "aws-vpc-cni.cilium"));
    assert!(!can_match(&["yes", "no"], "=~", "yes|maybe"));
    assert!(!labels_in("bpfready_cilium_ready").contains("cni"));
    assert!(labels_in(r#"label_replace(up, "host", "$1", "instance", "(.+)")"#).contains("host"));
}
