//! The controller's metrics. What is known of the cluster is told by the replica that leads.

use super::{Kind, Metric};

/// Name of the histogram of start-up times; its labels are `compute` and `stage`.
pub const STARTUP: &str = "bpfready_startup_seconds";
/// What it says.
pub const STARTUP_HELP: &str =
    "Time from the creation of a node or Fargate pod to a stage of its start";
/// What it means that there is no series of it.
pub const STARTUP_ABSENCE: &str =
    "nothing reached that stage since this replica started, or it does not lead";

const ALWAYS: &str = "the controller does not answer";
const NOT_JUDGED: &str = "this replica does not lead, or has not judged yet";
const NO_NODE: &str = "there is no such node; of nodes that could not be listed bpfready_cluster_source_failure tells";
const NO_POOL: &str = "there is no such NodePool; of those that could not be listed bpfready_cluster_source_failure tells";
const FARGATE_UNKNOWN: &str = "whether there is Fargate is unknown, or this replica does not lead";

metrics! {
    NODES Gauge bpfready_cluster_nodes ["compute", "node_pool"] "Nodes by kind of machine and, for Karpenter, NodePool", none: NO_NODE;
    NODES_EBPF Gauge bpfready_cluster_nodes_ebpf ["compute", "node_pool", "state"] "Nodes by how much of eBPF their kernel offers", none: NO_NODE;
    NODES_DATAPATH Gauge bpfready_cluster_nodes_datapath ["compute", "node_pool", "cni"] "Nodes by what carries their pods' packets now", none: NO_NODE;
    NODES_CAPABLE Gauge bpfready_cluster_nodes_cilium_capable ["compute", "node_pool", "target", "state"] "Nodes by whether the target Cilium release can run there", none: NO_NODE;
    NODES_READY Gauge bpfready_cluster_nodes_cilium_ready ["compute", "node_pool", "state"] "Nodes by whether Cilium runs there, healthy", none: NO_NODE;
    NODES_PROXY Gauge bpfready_cluster_nodes_service_proxy ["compute", "node_pool", "mode"] "Nodes by who translates Services there", none: NO_NODE;
    NODES_WORKS Gauge bpfready_cluster_nodes_feature ["compute", "node_pool", "feature", "state"] "Nodes by whether a feature works there now", none: NO_NODE;
    NODES_SOURCE Gauge bpfready_cluster_nodes_source ["source"] "Nodes by who tells about them", none: NO_NODE;
    FINDING Gauge bpfready_cluster_finding ["rule", "severity", "state"] "1 for how a rule ended on this cluster", none: "the rule ended in another way, or nothing was judged yet";
    RECOMMENDATION Gauge bpfready_cluster_recommendation ["action", "blocked_by"] "1 for what is recommended", none: "something else is recommended, or nothing was judged yet";
    CILIUM_ENABLED Gauge bpfready_cluster_cilium_enabled ["policy", "state"] "Whether the policy lets Cilium be enabled", none: NOT_JUDGED;
    CILIUM_INFO Gauge bpfready_cluster_cilium_info ["present", "release"] "Whether Cilium is set up, and which release", none: NOT_JUDGED;
    FARGATE_PODS Gauge bpfready_fargate_pods ["namespace", "profile", "phase"] "Fargate pods", none: "there is none, or they could not be listed (bpfready_cluster_source_failure)";
    FARGATE_VCPUS Gauge bpfready_fargate_billed_vcpus [] "Virtual processors that are billed for Fargate pods", none: FARGATE_UNKNOWN;
    FARGATE_MEMORY Gauge bpfready_fargate_billed_memory_bytes [] "Memory that is billed for Fargate pods", none: FARGATE_UNKNOWN;
    FARGATE_NOT_BILLED Gauge bpfready_fargate_unscheduled_pods [] "Fargate pods that do not say yet what is billed for them", none: FARGATE_UNKNOWN;
    POOL_NODES Gauge bpfready_cluster_nodepool_nodes ["node_pool", "datapath", "cilium_ready"] "Nodes of a NodePool by datapath and whether Cilium runs there, healthy", none: NO_NODE;
    POOL_CLAIMS Gauge bpfready_cluster_nodepool_claims ["node_pool"] "NodeClaims of a NodePool: so many nodes an edit of its template replaces", none: NO_POOL;
    POOL_PROMISE Gauge bpfready_cluster_nodepool_promise_nodes ["node_pool", "promise", "state"] "Nodes of a NodePool by whether its promise is kept", none: "the NodePool promises nothing, or there is none";
    POOL_STUCK Gauge bpfready_cluster_nodepool_gates_stuck ["node_pool", "reason"] "NodeClaims that wait at their gate for too long", none: "none waits for too long, or they could not be listed (bpfready_cluster_source_failure)";
    POOL_CHECK Gauge bpfready_cluster_nodepool_check ["node_pool", "rule"] "1 for what is wrong with a NodePool", none: "the rule found nothing; whether it could be judged is told by bpfready_cluster_finding";
    REPORT_TIMESTAMP Gauge bpfready_cluster_report_timestamp_seconds [] "When the cluster was judged last, since the Unix epoch", none: NOT_JUDGED;
    SOURCE_FAILURE Gauge bpfready_cluster_source_failure ["source", "cause"] "1 for a part of the cluster that could not be read, with the cause", none: "it could be read, or nothing was judged yet";
    LEADER Gauge bpfready_controller_leader [] "1 for the replica that leads: only this one writes and tells about the cluster", none: ALWAYS;
    JUDGE_DURATION Gauge bpfready_controller_judge_duration_seconds [] "Wall time of the latest judgement", none: "nothing was judged yet";
    PENDING Gauge bpfready_controller_pending_writes [] "Writes that were missing at the latest judgement", none: "nothing was judged yet";
    WRITES Counter bpfready_controller_writes_total ["request", "result"] "Requests to the API server that change something, by how they ended", none: "it has not happened since the controller started";
    READS Counter bpfready_controller_list_requests_total [] "Requests of lists and single objects to the API server", none: ALWAYS;
    MEMORY Gauge process_resident_memory_bytes [] "Resident memory of the controller", none: "the controller cannot read its own entry in /proc";
}
