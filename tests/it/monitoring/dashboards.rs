//! The rules of grafana/dashboard-linter, which is not to be had as a program here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::expressions::{dashboards, panels, queries};

#[track_caller]
fn each(check: impl Fn(&str, &Value)) {
    let all = dashboards();
    let names: Vec<&str> = all.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(names, ["datapath", "fargate", "fleet", "node"]);
    all.iter().for_each(|(name, it)| check(name, it));
}

#[track_caller]
fn each_panel(check: impl Fn(&str, &Value)) {
    each(|name, dashboard| {
        assert!(panels(dashboard).count() > 3, "{name}");
        for panel in panels(dashboard) {
            check(&format!("{name}: {}", panel["title"]), panel);
        }
    });
}

fn variable<'a>(dashboard: &'a Value, name: &str) -> &'a Value {
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    variables.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no variable {name}"))
}

/// template-datasource, template-job, template-instance, template-label-promql,
/// template-on-time-change-reload.
#[test]
fn data_source_job_and_instance_are_chosen_above() {
    each(|name, dashboard| {
        let source = variable(dashboard, "datasource");
        assert_eq!(
            (&source["type"], &source["query"]),
            (&json!("datasource"), &json!("prometheus"))
        );
        for label in ["job", "instance"] {
            let it = variable(dashboard, label);
            assert_eq!(it["type"], "query", "{name}");
            assert_eq!(it["datasource"]["uid"], "${datasource}", "{name}");
            let query = it["query"]["query"].as_str().unwrap();
            assert!(query.starts_with("label_values(") && query.ends_with(&format!(", {label})")));
            assert_eq!(it["refresh"], 2, "{name}: nodes come and go while one looks");
        }
    });
}

/// uneditable-dashboard, and a fixed address to link to.
#[test]
fn a_dashboard_is_code_and_has_its_address() {
    each(|name, dashboard| {
        assert_eq!(dashboard["editable"], false, "{name}");
        assert_eq!(dashboard["uid"], format!("bpfready-{name}"));
        assert!(dashboard["schemaVersion"].as_u64().is_some_and(|it| it >= 36), "{name}");
        assert_eq!(dashboard["links"].as_array().unwrap().len(), 3, "{name}: to the other three");
    });
}

/// panel-datasource, panel-title-description, panel-units, panel-no-targets.
#[test]
fn every_panel_has_a_title_a_description_a_unit_and_a_query() {
    each_panel(|place, panel| {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
        for key in ["title", "description"] {
            assert!(panel[key].as_str().is_some_and(|it| !it.is_empty()), "{place}: {key}");
        }
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{place}");
        assert!(queries(panel).count() > 0, "{place}");
    });
}

/// target-job, target-instance: every selector of a metric follows the choice above.
#[test]
fn every_selector_follows_the_chosen_job_and_instance() {
    const CHOICE: &str = r#"{job=~"$job", instance=~"$instance""#;
    each_panel(|place, panel| {
        for query in queries(panel) {
            let metrics = ["bpfready_", "process_"].map(|it| query.matches(it).count());
            assert_eq!(
                metrics.iter().sum::<usize>(),
                query.matches(CHOICE).count(),
                "{place}: {query}"
            );
        }
    });
}

/// target-rate-interval, target-counter-agg: a counter is only ever a rate over Grafana's interval.
#[test]
fn counters_are_rates_over_the_interval_of_the_graph() {
    const COUNTERS: [&str; 6] =
        ["_total", "_bucket", "_count", "_sum", "Tcp_RetransSegs", "Tcp_OutSegs"];
    each_panel(|place, panel| {
        for query in queries(panel) {
            for counter in COUNTERS {
                for (at, _) in query.match_indices(counter).filter(|it| ends_a_name(query, it)) {
                    let name =
                        query[..at].rfind(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                    let before = &query[..=name.unwrap()];
                    let is_rate = before.ends_with("rate(") || before.ends_with("increase(");
                    assert!(is_rate, "{place}: {counter} in {query}");
                }
            }
            let ranges =
                query.matches("[$__rate_interval]").count() + query.matches("[$__range]").count();
            assert_eq!(
                query.matches('[').count() - query.matches("[0-9]").count(),
                ranges,
                "{place}: {query}"
            );
        }
    });
}

/// Whether what was found is the end of a metric's name.
fn ends_a_name(query: &str, (at, found): &(usize, &str)) -> bool {
    query[at + found.len()..].starts_with(['{', '['])
}

/// An empty panel must not look like a quiet cluster.
#[test]
fn a_panel_that_needs_more_than_agents_says_what() {
    each_panel(|place, panel| {
        let description = panel["description"].as_str().unwrap();
        for query in queries(panel) {
            let of_exporter = ["node_cpu_", "node_softnet_", "node_netstat_", "node_network_"];
            if of_exporter.iter().any(|it| query.contains(it)) {
                assert!(description.contains("node_exporter"), "{place}");
            }
            if query.contains("bpfready_bpf_program_run") {
                assert!(description.contains("--statistics"), "{place}");
            }
        }
    });
}

/// Every program exports those: with all jobs chosen, the sum would be that of the whole Prometheus.
#[test]
fn metrics_of_processes_are_those_of_our_processes() {
    each(|name, dashboard| {
        for query in panels(dashboard).flat_map(queries).filter(|it| it.contains("process_")) {
            let is_one = variable(dashboard, "instance")["multi"] == false;
            let is_ours = query.contains(" and on (job, instance) bpfready_");
            assert!(is_one || is_ours, "{name}: {query}");
        }
    });
}

/// What a scrape adds, such as a pod's name and labels, is not among the columns.
#[test]
fn tables_name_their_columns() {
    each_panel(|place, panel| {
        for query in queries(panel).filter(|_| panel["type"] == "table") {
            let is_grouped = ["max by (", "sum by ("].iter().any(|it| query.starts_with(it));
            assert!(is_grouped, "{place}: {query}");
        }
    });
}

#[test]
fn panels_do_not_lie_on_each_other() {
    each(|name, dashboard| {
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{name}: {}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{name}: {} overlaps", panel["title"]);
                }
            }
        }
    });
}

#[test]
fn ids_are_unique() {
    each(|name, dashboard| {
        let ids = dashboard["panels"].as_array().unwrap().iter().map(|it| it["id"].as_u64());
        let mut seen = BTreeSet::new();
        assert!(ids.into_iter().all(|it| seen.insert(it)), "{name}");
    });
}
