//! Labels of the controller's metrics.

use super::Values::{self, Closed, Open};
use super::{closed, words};
use crate::judge::cluster::Compute;
use crate::judge::cluster::works::WORKS;
use crate::judge::report::{Cni, Extent, Outcome, ProxyMode, Ternary};
use crate::publish::names::Metric;
use crate::publish::names::cluster as names;

const RESULTS: &str = "`ok`, or why not: `repeated` (it was there), `gone`, `refused`, `forbidden`, `later` (busy, or no answer)";
const REASON: &str =
    "why Karpenter says that the NodeClaim is not `Initialized`, such as `StartupTaintsExist`";
const BLOCKED_BY: &str =
    "what is in the way, in CamelCase, such as `IncapableNodes`; empty: nothing";

/// The values of one label of a metric of the cluster; `None`: it means what it means on a node.
pub(super) fn of(metric: &Metric, label: &str) -> Option<Values> {
    if !names::ALL.contains(metric) {
        return None;
    }
    Some(match label {
        "compute" => Closed(Compute::ALL.iter().map(|it| it.as_str()).collect()),
        "node_pool" => Open("name of the NodePool; empty: a node of none"),
        "state" => state(metric),
        "mode" => words::<ProxyMode>(),
        "feature" => closed(&WORKS),
        "source" if *metric == names::NODES_SOURCE => {
            closed(&["report", "labels", "platform", "api", "nobody"])
        }
        "source" => Open("a kind of objects, such as `nodes` or `ciliumnodes`"),
        "severity" => closed(&["info", "warning", "error"]),
        "rule" => Open("the rule's id, as `bpfready cluster` prints it"),
        "action" => closed(&["keep", "enable_cilium", "migrate_node_by_node", "blocked"]),
        "blocked_by" => Open(BLOCKED_BY),
        "policy" => closed(&["advisory", "strict-cluster-wide"]),
        "present" | "cilium_ready" => words::<Ternary>(),
        "release" => Open("such as `1.18`; empty: none, or it cannot be told"),
        "namespace" => Open("of the pods"),
        "profile" => Open("the Fargate profile"),
        "phase" => closed(&["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
        "datapath" => words::<Cni>(),
        "promise" => Open("the promised datapath"),
        "reason" => Open(REASON),
        "request" => {
            closed(&["node_labels", "node_condition", "event", "pod_annotation", "nodepool_labels"])
        }
        "result" => Open(RESULTS),
        _ => return None,
    })
}

fn state(metric: &Metric) -> Values {
    match *metric {
        names::NODES_EBPF => words::<Extent>(),
        names::FINDING => words::<Outcome>(),
        names::POOL_PROMISE => closed(&["kept", "broken", "unknown"]),
        _ => words::<Ternary>(),
    }
}
