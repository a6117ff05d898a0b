//! Every name the outside sees, once: label keys and metrics.

/// Prefix of labels, annotations and conditions.
pub const PREFIX: &str = "bpfready.io/";

/// Declares keys once: the constants, their documentation, and the list of all.
macro_rules! keys {
    ($($constant:ident $key:literal $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: &str = $key;
        )*

        /// All, each with its meaning.
        pub const ALL: &[(&str, &str)] = &[$(($constant, $meaning),)*];
    };
}

/// Keys of the Node's labels, without [`PREFIX`].
#[rustfmt::skip]
pub mod label {
    keys! {
        EBPF "ebpf" "How much of eBPF the kernel offers for the datapath, tracing and LSM together";
        DATAPATH "datapath" "What carries the pods' packets now";
        SERVICE_PROXY "service-proxy" "Who translates Services";
        CILIUM_CAPABLE "cilium-capable" "Whether the target Cilium release can run here";
        CILIUM_READY "cilium-ready" "Whether Cilium runs here, healthy";
        COMPUTE "compute" "What kind of machine the cloud and Karpenter say this is";
    }

    /// Written by people in a NodePool's template, only read here: the datapath they promise.
    pub const EXPECT_DATAPATH: &str = "expect-datapath";
    /// Key of the startup taint.
    pub const STARTUP_TAINT: &str = "not-ready";
}

/// Types of the Node's conditions, without [`PREFIX`].
#[rustfmt::skip]
pub mod condition {
    keys! {
        EBPF_READY "EbpfReady" "The kernel can carry packets by eBPF";
        CILIUM_READY "CiliumReady" "Cilium runs here, healthy";
    }
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
    /// What it means that there is no series, as the end of "none: …".
    pub absence: &'static str,
}

/// Declares the metrics once: the constants, their documentation, and the list of all.
macro_rules! metrics {
    ($($constant:ident $kind:ident $name:ident $labels:tt $help:literal, none: $absence:expr;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                kind: Kind::$kind,
                name: stringify!($name),
                help: $help,
                labels: &$labels,
                absence: $absence,
            };
        )*

        /// All, in the order they are told.
        pub const ALL: &[Metric] = &[$($constant,)*];
    };
}

#[rustfmt::skip]
pub mod cluster;

/// The metrics of one report. A metric with a `state` label has one series for every state, of
/// which one is 1; "unknown" is a state.
#[rustfmt::skip]
pub mod metrics {
    use super::{Kind, Metric};

    /// These are there from the end of the first look on.
    const NO_LOOK: &str = "no look at the node has ended yet";

    metrics! {
        BUILD_INFO Gauge bpfready_build_info ["version"] "Version of bpfready that looked", none: NO_LOOK;
        NODE_INFO Gauge bpfready_node_info ["kernel", "machine", "os", "os_version"] "The node, by its own words; empty where it could not be told", none: NO_LOOK;
        LOOK_TIMESTAMP Gauge bpfready_look_timestamp_seconds [] "When the look at the node began, since the Unix epoch", none: NO_LOOK;
        PRIVILEGE_RUNG Gauge bpfready_privilege_rung ["state"] "Rights of the process that looked", none: NO_LOOK;
        EBPF Gauge bpfready_ebpf ["use", "state"] "How much of eBPF the kernel offers, by use", none: NO_LOOK;
        BPF_ANSWERS Gauge bpfready_bpf_answers ["kind", "state"] "Questions to bpf(2) that ended so, by kind of question", none: NO_LOOK;
        CILIUM_CAPABLE Gauge bpfready_cilium_capable ["target", "state"] "Whether the target Cilium release can run on this node", none: NO_LOOK;
        CILIUM_RELEASE_CAPABLE Gauge bpfready_cilium_release_capable ["release", "state"] "Whether a Cilium release can run on this node", none: "this build does not know the release";
        CILIUM_READY Gauge bpfready_cilium_ready ["state"] "Whether Cilium runs on this node, healthy", none: NO_LOOK;
        CILIUM_FEATURE Gauge bpfready_cilium_feature ["feature", "state"] "Whether a feature of the target Cilium release works on this node", none: "this build knows no such feature";
        DATAPATH_INFO Gauge bpfready_datapath_info ["cni", "mode"] "What carries the pods' packets now", none: NO_LOOK;
        NEXT_POD_INFO Gauge bpfready_next_pod_info ["cni"] "What the next pod's packets will be carried by", none: NO_LOOK;
        DATAPATH_PODS Gauge bpfready_datapath_pods ["cni"] "Pods whose path through the kernel could be told, by what carries them", none: "no pod is known to be carried by it";
        DATAPATH_MIGRATING Gauge bpfready_datapath_migrating [] "1 while some pods go by another datapath than the next pod will", none: NO_LOOK;
        DATAPATH_ISSUE Gauge bpfready_datapath_issue ["kind", "issue", "owner", "harmful"] "1 for two things that stand in each other's way, or for what an earlier datapath left behind", none: "no such thing was seen; whether all of it could be looked at is told by bpfready_finding of the rules datapath-no-conflicts and datapath-no-leftovers";
        SERVICE_PROXY_INFO Gauge bpfready_service_proxy_info ["mode"] "Who translates Services", none: NO_LOOK;
        FINDING Gauge bpfready_finding ["rule", "severity", "state", "reason"] "1 for how a rule ended on this node, and why", none: "the rule ended in another way, or this build has no such rule";
        NIC_XDP Gauge bpfready_nic_xdp ["interface", "driver", "feature", "state"] "What an interface's driver offers XDP programs: 1 for yes, no or unknown", none: "the node has no interface with a driver, or its interfaces could not be listed (bpfready_source_success of nics); at most eight are told";
        SOURCE_SUCCESS Gauge bpfready_source_success ["source"] "Whether a source of facts could be read as a whole", none: "this build has no such source";
        SOURCE_DURATION Gauge bpfready_source_duration_seconds ["source"] "Wall time of one source of facts", none: "this build has no such source";
        SOURCE_FAILURE Gauge bpfready_source_failure ["source", "cause"] "1 for a source of facts that failed, with the cause", none: "the source did not fail";
    }
}

/// The metrics of a running agent itself, beside those of its latest report.
#[rustfmt::skip]
pub mod agent {
    use super::{Kind, Metric};

    const ALWAYS: &str = "the agent does not answer";
    const NO_LOOK: &str = "no look at the node has ended yet";
    const STANDALONE: &str = "the agent runs with --standalone, or its first word from the API server is still to come";
    const PROC: &str = "the agent cannot read its own entry in /proc";

    metrics! {
        LOOKS Counter bpfready_looks_total ["trigger"] "Looks at the node, by what led to them", none: "it has not happened since the agent started";
        LOOK_DURATION Gauge bpfready_look_duration_seconds [] "Wall time of the latest look, judgement included", none: NO_LOOK;
        REPORT_AGE Gauge bpfready_report_age_seconds [] "Time since the latest look began, by the monotonic clock", none: NO_LOOK;
        REACTION Gauge bpfready_reaction_seconds [] "Time from the latest seen change on the node to the report that holds it", none: "no change was seen since the agent started";
        SOURCE_AGE Gauge bpfready_source_age_seconds ["source"] "Time since a source of facts was last asked; kernel probes are asked once a boot", none: NO_LOOK;
        WATCH_BLIND Gauge bpfready_watch_blind ["source", "cause"] "1 for a source of change events that does not work, so that changes wait for the next full look", none: "the source of change events works";
        API_REQUESTS Counter bpfready_api_requests_total ["request", "result"] "Requests to the API server that change something, by how they ended", none: "it has not happened since the agent started";
        NODE_SEEN Gauge bpfready_node_seen ["state"] "Whether the API server shows the agent's own Node", none: STANDALONE;
        STARTUP_TAINT Gauge bpfready_startup_taint ["state"] "Whether the Node carries the startup taint", none: STANDALONE;
        LABEL_HELD Gauge bpfready_label_held_by_other ["label"] "1 for a label of the agent that another writer holds, so that the agent leaves it alone", none: "nobody else holds a label of the agent, or the Node was not seen (bpfready_node_seen)";
        PROMISE Gauge bpfready_promise ["expected", "state"] "Whether the datapath is the one that the Node's owner promised", none: "nobody promised a datapath, or the Node was not seen (bpfready_node_seen)";
        EVENTS_DROPPED Counter bpfready_events_dropped_total [] "Kubernetes Events not sent, by the agent's own rate limit", none: ALWAYS;
        HTTP_REQUESTS Counter bpfready_http_requests_total ["path", "code"] "Answered requests to the agent", none: "it has not happened since the agent started";
        HTTP_CONNECTIONS Gauge bpfready_http_connections [] "Open connections to the agent", none: ALWAYS;
        HTTP_REFUSED Counter bpfready_http_refused_connections_total ["reason"] "Connections that were closed without an answer", none: "it has not happened since the agent started";
        TASK_RESTARTS Counter bpfready_task_restarts_total ["task"] "Parts of the agent that broke and were started again; a bug to report", none: "it has not happened since the agent started";
        STATISTICS Gauge bpfready_bpf_statistics ["state"] "Whether the agent holds the kernel's run-time statistics switched on; only with --statistics", none: "the agent runs without --statistics";
        PROGRAM_INFO Gauge bpfready_bpf_program_info ["id", "name", "type", "tag"] "A loaded BPF program; only with --programs", none: "it is not loaded, it is one of those left out, the programs could not be listed (bpfready_source_success of inventory), or the agent runs without --programs";
        PROGRAM_RUN_SECONDS Counter bpfready_bpf_program_run_seconds_total ["id"] "Run time of a BPF program while statistics are on; only with --statistics", none: "unknown: statistics are not on (bpfready_bpf_statistics), or the kernel did not tell";
        PROGRAM_RUNS Counter bpfready_bpf_program_runs_total ["id"] "Runs of a BPF program while statistics are on; only with --statistics", none: "unknown, as bpfready_bpf_program_run_seconds_total";
        PROGRAMS_LEFT_OUT Gauge bpfready_bpf_programs_left_out [] "Loaded BPF programs that have no series, because there are too many; only with --programs", none: "the programs could not be listed, or the agent runs without --programs";
        PROCESS_MEMORY Gauge process_resident_memory_bytes [] "Resident memory of the agent", none: PROC;
        PROCESS_CPU Counter process_cpu_seconds_total [] "Processor time of the agent, in user and kernel mode", none: PROC;
        PROCESS_FDS Gauge process_open_fds [] "Open file descriptors of the agent", none: PROC;
        PROCESS_START Gauge process_start_time_seconds [] "When the agent started, since the Unix epoch", none: ALWAYS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://prometheus.io/docs/practices/naming/>: one prefix, and `_total` for counters only.
    #[test]
    fn names_follow_the_conventions() {
        for metric in metrics::ALL.iter().chain(agent::ALL).chain(cluster::ALL) {
            let of_every_client = metric.name.starts_with("process_");
            assert!(metric.name.starts_with("bpfready_") || of_every_client, "{}", metric.name);
            let counts = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), counts, "{}", metric.name);
            assert!(!metric.help.ends_with('.'), "{}", metric.name);
            assert!(!metric.absence.ends_with('.'), "{}", metric.name);
        }
    }
}
