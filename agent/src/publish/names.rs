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
}

/// One metric: its full name and what it says. All are gauges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
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
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: stringify!($name), help: $help, labels: &$labels };
        )*

        /// All, in the order they are told.
        pub const ALL: &[Metric] = &[$($constant,)*];
    };
}

/// The metrics of one report. A metric with a `state` label has one series for every state, of
/// which one is 1; "unknown" is a state.
#[rustfmt::skip]
pub mod metrics {
    use super::Metric;

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
        SERVICE_PROXY_INFO bpfready_service_proxy_info ["mode"] "Who translates Services";
        FINDING bpfready_finding ["rule", "severity", "state"] "How a rule ended on this node";
        SOURCE_SUCCESS bpfready_source_success ["source"] "Whether a source of facts could be read as a whole";
        SOURCE_DURATION bpfready_source_duration_seconds ["source"] "Wall time of one source of facts";
        SOURCE_FAILURE bpfready_source_failure ["source", "cause"] "1 for a source of facts that failed, with the cause";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://prometheus.io/docs/practices/naming/>: one prefix, and `_total` for counters only.
    #[test]
    fn names_follow_the_conventions() {
        for metric in metrics::ALL {
            assert!(metric.name.starts_with("bpfready_"), "{}", metric.name);
            assert!(!metric.name.ends_with("_total"), "{} is a gauge", metric.name);
            assert!(!metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
