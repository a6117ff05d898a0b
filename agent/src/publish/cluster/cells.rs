//! The matrix as rows of short words, for text and Markdown alike.

use crate::judge::cluster::ClusterReport;
use crate::judge::cluster::karpenter::NodePoolReport;
use crate::judge::cluster::kernel;
use crate::judge::cluster::matrix::Row;
use crate::judge::cluster::works::{Tally, WORKS};
use crate::judge::report::Ternary;
use crate::publish::words::json_word;

/// A table: a heading for each column, and rows of as many cells.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

/// Rows of the compatibility matrix.
pub(super) fn matrix(report: &ClusterReport) -> Table {
    let capable = format!("Cilium {}", report.target);
    let head =
        head(&["", "nodes", "kernel", "eBPF", "datapath now", &capable, "ready", "Services by"]);
    let cells = |row: &Row| {
        vec![
            row.title(),
            row.nodes.to_string(),
            kernels(row),
            told(&row.ebpf),
            told(&row.datapath),
            told(&row.cilium_capable),
            told(&row.cilium_ready),
            told(&row.service_proxy),
        ]
    };
    Table { head, rows: report.rows.iter().map(cells).collect() }
}

/// What works, row by row: now, and in parentheses what the target could do where that differs.
pub(super) fn works(report: &ClusterReport) -> Table {
    let titles = ["", "eBPF datapath", "Hubble", "L7 policy", "FQDN policy", "no kube-proxy"];
    let cells = |row: &Row| {
        let of = |feature: &&str| match row.works.get(*feature) {
            Some(works) if works.now == works.possible => told(&works.now),
            Some(works) => format!("{} ({})", told(&works.now), told(&works.possible)),
            None => "unknown".to_owned(),
        };
        std::iter::once(row.title()).chain(WORKS.iter().map(of)).collect()
    };
    Table { head: head(&titles), rows: report.rows.iter().map(cells).collect() }
}

/// NodePools.
pub(super) fn pools(report: &ClusterReport) -> Table {
    let titles =
        ["NodePool", "nodes", "eBPF", "datapath now", "Cilium ready", "promises", "kept", "stuck"];
    let cells = |pool: &NodePoolReport| {
        let promise = pool.promise.as_ref();
        let kept = promise.map(|it| match it.unknown {
            0 => format!("{} of {}", it.kept, it.kept + it.broken.len()),
            unknown => {
                format!("{} of {}, {unknown} unknown", it.kept, it.kept + it.broken.len() + unknown)
            }
        });
        vec![
            pool.name.to_string(),
            pool.nodes.to_string(),
            told(&pool.ebpf),
            told(&pool.datapath),
            told(&pool.cilium_ready),
            promise.map_or("nothing", |it| &it.datapath).to_owned(),
            kept.unwrap_or_default(),
            pool.gates.len().to_string(),
        ]
    };
    Table { head: head(&titles), rows: report.node_pools.iter().map(cells).collect() }
}

/// Start-up times.
pub(super) fn startup(report: &ClusterReport) -> Table {
    let titles = ["from creation to", "", "starts", "median", "9 in 10", "slowest"];
    let rows = report.startup.iter().flat_map(|(compute, stages)| {
        stages.iter().map(|(stage, spread)| {
            let seconds = |it: i64| format!("{it} s");
            vec![
                compute.title().to_owned(),
                stage.as_str().replace('_', " "),
                spread.count.to_string(),
                seconds(spread.median_seconds),
                seconds(spread.p90_seconds),
                seconds(spread.max_seconds),
            ]
        })
    });
    Table { head: head(&titles), rows: rows.collect() }
}

fn kernels(row: &Row) -> String {
    let Some(range) = &row.kernels else { return "unknown".to_owned() };
    let (oldest, newest) = (kernel::short(&range.oldest), kernel::short(&range.newest));
    if oldest == newest { oldest } else { format!("{oldest}–{newest}") }
}

/// `yes`, or `yes 3, unknown 1` where nodes differ.
pub(super) fn told<K: serde::Serialize + Ord>(tally: &Tally<K>) -> String {
    if tally.len() == 1 {
        return tally.keys().map(json_word).collect();
    }
    let each = tally.iter().map(|(word, nodes)| format!("{} {nodes}", json_word(word)));
    each.collect::<Vec<_>>().join(", ")
}

/// One answer for many nodes: no if one is no, unknown if one is unknown, else yes.
pub(super) fn worst(tally: impl IntoIterator<Item = Ternary>) -> Ternary {
    let mut worst = Ternary::Yes;
    for it in tally {
        match it {
            Ternary::No => return Ternary::No,
            Ternary::Unknown => worst = Ternary::Unknown,
            Ternary::Yes => {}
        }
    }
    worst
}
