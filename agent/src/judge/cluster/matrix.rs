//! The compatibility matrix of this very cluster: one row a kind of machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::kernel::{self, KernelRange};
use super::nodes::{NodeLine, Source};
use super::works::{Tally, Works, works};
use crate::facts::Observed;
use crate::facts::cluster::Text;
use crate::facts::cluster::cilium::CiliumConfig;
use crate::judge::report::{Cni, Extent, ProxyMode, Ternary};

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What kind of machine.
    pub compute: Compute,
    /// The NodePool, for Karpenter's nodes.
    pub node_pool: Option<Text>,
    /// Its nodes run Windows.
    pub windows: bool,
    /// How many nodes.
    pub nodes: usize,
    /// Their kernels; `None`: none is known.
    pub kernels: Option<KernelRange>,
    /// eBPF as a whole.
    pub ebpf: Tally<Extent>,
    /// What carries the pods' packets now.
    pub datapath: Tally<Cni>,
    /// Whether the target can run there.
    pub cilium_capable: Tally<Ternary>,
    /// Whether Cilium runs there, healthy.
    pub cilium_ready: Tally<Ternary>,
    /// Who translates Services.
    pub service_proxy: Tally<ProxyMode>,
    /// What works, by feature.
    pub works: BTreeMap<String, Works>,
    /// Who says so.
    pub sources: Tally<Source>,
}

impl Row {
    /// The name for people.
    pub fn title(&self) -> String {
        let pool = self.node_pool.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        let windows = if self.windows { " (Windows)" } else { "" };
        format!("{}{pool}{windows}", self.compute.title())
    }
}

type Key = (Compute, Option<Text>, bool);

/// All rows that have nodes, in the order of [`Compute`].
pub(super) fn rows(nodes: &[NodeLine], config: &Observed<Option<CiliumConfig>>) -> Vec<Row> {
    let mut by_key: BTreeMap<Key, Vec<&NodeLine>> = BTreeMap::new();
    for node in nodes {
        let pool = node.pool.clone().filter(|_| node.compute == Compute::Karpenter);
        by_key.entry((node.compute, pool, node.windows)).or_default().push(node);
    }
    by_key.into_iter().map(|(key, nodes)| row(key, &nodes, config)).collect()
}

fn row(
    (compute, node_pool, windows): Key,
    nodes: &[&NodeLine],
    config: &Observed<Option<CiliumConfig>>,
) -> Row {
    Row {
        compute,
        node_pool,
        windows,
        nodes: nodes.len(),
        kernels: kernel::range(nodes.iter().map(|it| &it.kernel)),
        ebpf: tally(nodes, |it| it.ebpf),
        datapath: tally(nodes, |it| it.datapath),
        cilium_capable: tally(nodes, |it| it.cilium_capable),
        cilium_ready: tally(nodes, |it| it.cilium_ready),
        service_proxy: tally(nodes, |it| it.service_proxy),
        works: works(nodes.iter().copied(), config),
        sources: tally(nodes, |it| it.source),
    }
}

fn tally<K: Ord>(nodes: &[&NodeLine], of: impl Fn(&NodeLine) -> K) -> Tally<K> {
    let mut tally = BTreeMap::new();
    for node in nodes {
        *tally.entry(of(node)).or_default() += 1;
    }
    tally
}
