//! Every name the outside sees, once: label keys and metrics.

/// Prefix of labels, annotations and conditions.
pub const PREFIX: &str = "bpfready.io/";

/// Keys of the Node's labels, without [`PREFIX`].
pub mod label {
    /// `full`, `partial`, `none`, `unknown`: eBPF for the datapath, tracing and LSM together.
    pub const EBPF: &str = "ebpf";
    /// What carries the pods' packets.
    pub const DATAPATH: &str = "datapath";
    /// Who translates Services.
    pub const SERVICE_PROXY: &str = "service-proxy";
    /// `yes`, `no`, `unknown`: whether the target Cilium can run here.
    pub const CILIUM_CAPABLE: &str = "cilium-capable";
    /// `yes`, `no`, `unknown`: whether Cilium runs here, healthy.
    pub const CILIUM_READY: &str = "cilium-ready";
    /// What kind of machine the cloud says this is.
    pub const COMPUTE: &str = "compute";
    /// Written by people in a NodePool's template, only read here: the datapath they promise.
    pub const EXPECT_DATAPATH: &str = "expect-datapath";
    /// Key of the startup taint.
    pub const STARTUP_TAINT: &str = "not-ready";
}

/// Types of the Node's conditions, without [`PREFIX`].
pub mod condition {
    /// The kernel can carry packets by eBPF.
    pub const EBPF_READY: &str = "EbpfReady";
    /// Cilium runs here, healthy.
    pub const CILIUM_READY: &str = "CiliumReady";
}

/// What a metric's value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows while the process lives; its name ends with `_total`.
    Counter,
}

/// One metric: its full name and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// What its value does.
    pub kind: Kind,
    /// With prefix and unit.
    pub name: &'static str,
    /// One sentence, without a full stop.
    pub help: &'static str,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
}

/// Declares the metrics once: the constants, their documentation, and the list of all.
macro_rules! metrics {
    ($($constant:ident $name:ident $labels:tt $help:literal;)*) => {
        metrics! { $($constant Gauge $name $labels $help;)* }
    };
    ($($constant:ident $kind:ident $name:ident $labels:tt $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                kind: Kind::$kind, name: stringify!($name), help: $help, labels: &$labels,
            };
        )*

        /// All, in the order they are told.
        pub const ALL: &[Metric] = &[$($constant,)*];
    };
}

/// The metrics of one report. A metric with a `state` label has one series for every state, of
/// which one is 1; "unknown" is a state.
#[rustfmt::skip]
pub mod metrics {
    use super::{Kind, Metric};

    metrics! {
        BUILD_INFO bpfready_build_info ["version"] "Version of bpfready that looked";
        NODE_INFO bpfready_node_info ["kernel", "machine", "os", "os_version"] "The node, by its own words; empty where it could not be told";
        LOOK_TIMESTAMP bpfready_look_timestamp_seconds [] "When the look at the node began, since the Unix epoch";
        PRIVILEGE_RUNG bpfready_privilege_rung ["state"] "Rights of the process that looked";
        EBPF bpfready_ebpf ["use", "state"] "How much of eBPF the kernel offers, by use";
        BPF_ANSWERS bpfready_bpf_answers ["kind", "state"] "Questions to bpf(2) that ended so, by kind of question";
        CILIUM_CAPABLE bpfready_cilium_capable ["target", "state"] "Whether the target Cilium release can run on this node";
        CILIUM_RELEASE_CAPABLE bpfready_cilium_release_capable ["release", "state"] "Whether a Cilium release can run on this node";
        CILIUM_READY bpfready_cilium_ready ["state"] "Whether Cilium runs on this node, healthy";
        CILIUM_FEATURE bpfready_cilium_feature ["feature", "state"] "Whether a feature of the target Cilium release works on this node";
        DATAPATH_INFO bpfready_datapath_info ["cni", "mode"] "What carries the pods' packets now";
        NEXT_POD_INFO bpfready_next_pod_info ["cni"] "What the next pod's packets will be carried by";
        DATAPATH_PODS bpfready_datapath_pods ["cni"] "Pods whose path through the kernel could be told, by what carries them";
        DATAPATH_MIGRATING bpfready_datapath_migrating [] "1 while some pods go by another datapath than the next pod will";
        DATAPATH_ISSUE bpfready_datapath_issue ["kind", "issue", "owner", "harmful"] "1 for two things that stand in each other's way, or for what an earlier datapath left behind";
        SERVICE_PROXY_INFO bpfready_service_proxy_info ["mode"] "Who translates Services";
        FINDING bpfready_finding ["rule", "severity", "state", "reason"] "1 for how a rule ended on this node, and why";
        NIC_XDP bpfready_nic_xdp ["interface", "driver", "feature", "state"] "What an interface's driver offers XDP programs: 1 for yes, no or unknown";
        SOURCE_SUCCESS bpfready_source_success ["source"] "Whether a source of facts could be read as a whole";
        SOURCE_DURATION bpfready_source_duration_seconds ["source"] "Wall time of one source of facts";
        SOURCE_FAILURE bpfready_source_failure ["source", "cause"] "1 for a source of facts that failed, with the cause";
    }
}

/// The metrics of a running agent itself, beside those of its latest report.
#[rustfmt::skip]
pub mod agent {
    use super::{Kind, Metric};

    metrics! {
        LOOKS Counter bpfready_looks_total ["trigger"] "Looks at the node, by what led to them";
        LOOK_DURATION Gauge bpfready_look_duration_seconds [] "Wall time of the latest look, judgement included";
        REPORT_AGE Gauge bpfready_report_age_seconds [] "Time since the latest look began, by the monotonic clock";
        REACTION Gauge bpfready_reaction_seconds [] "Time from the latest seen change on the node to the report that holds it";
        SOURCE_AGE Gauge bpfready_source_age_seconds ["source"] "Time since a source of facts was last asked; kernel probes are asked once a boot";
        WATCH_BLIND Gauge bpfready_watch_blind ["source", "cause"] "1 for a source of change events that does not work, so that changes wait for the next full look";
        API_REQUESTS Counter bpfready_api_requests_total ["request", "result"] "Requests to the API server that change something, by how they ended";
        NODE_SEEN Gauge bpfready_node_seen ["state"] "Whether the API server shows the agent's own Node";
        STARTUP_TAINT Gauge bpfready_startup_taint ["state"] "Whether the Node carries the startup taint";
        LABEL_HELD Gauge bpfready_label_held_by_other ["label"] "1 for a label of the agent that another writer holds, so that the agent leaves it alone";
        PROMISE Gauge bpfready_promise ["expected", "state"] "Whether the datapath is the one that the Node's owner promised";
        EVENTS_DROPPED Counter bpfready_events_dropped_total [] "Kubernetes Events not sent, by the agent's own rate limit";
        HTTP_REQUESTS Counter bpfready_http_requests_total ["path", "code"] "Answered requests to the agent";
        HTTP_CONNECTIONS Gauge bpfready_http_connections [] "Open connections to the agent";
        HTTP_REFUSED Counter bpfready_http_refused_connections_total ["reason"] "Connections that were closed without an answer";
        TASK_RESTARTS Counter bpfready_task_restarts_total ["task"] "Parts of the agent that broke and were started again; a bug to report";
        PROGRAM_INFO Gauge bpfready_bpf_program_info ["id", "name", "type", "tag"] "A loaded BPF program; only with --programs";
        PROGRAM_RUN_SECONDS Counter bpfready_bpf_program_run_seconds_total ["id"] "Run time of a BPF program while statistics are on; only with --programs run-time";
        PROGRAM_RUNS Counter bpfready_bpf_program_runs_total ["id"] "Runs of a BPF program while statistics are on; only with --programs run-time";
        PROGRAMS_LEFT_OUT Gauge bpfready_bpf_programs_left_out [] "Loaded BPF programs that have no series, because there are too many; only with --programs";
        PROCESS_MEMORY Gauge process_resident_memory_bytes [] "Resident memory of the agent";
        PROCESS_CPU Counter process_cpu_seconds_total [] "Processor time of the agent, in user and kernel mode";
        PROCESS_FDS Gauge process_open_fds [] "Open file descriptors of the agent";
        PROCESS_START Gauge process_start_time_seconds [] "When the agent started, since the Unix epoch";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://prometheus.io/docs/practices/naming/>: one prefix, and `_total` for counters only.
    #[test]
    fn names_follow_the_conventions() {
        for metric in metrics::ALL.iter().chain(agent::ALL) {
            let of_every_client = metric.name.starts_with("process_");
            assert!(metric.name.starts_with("bpfready_") || of_every_client, "{}", metric.name);
            let counts = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), counts, "{}", metric.name);
            assert!(!metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
