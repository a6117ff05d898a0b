//! Which values the labels of a metric have.

mod cluster;

use crate::facts::Cause;
use crate::facts::privilege::Rung;
use crate::judge::features;
use crate::judge::report::{
    Cni, Extent, FeatureStatus, IssueKind, Outcome, ProxyMode, Severity, Ternary,
};
use crate::publish::names::{Metric, agent, metrics};
use crate::publish::node::promise::Promise;
use crate::publish::prometheus::{ANSWERS, XDP_FEATURES};
use crate::publish::words::Words;

/// What a label can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// One of these words.
    Closed(Vec<&'static str>),
    /// What the words describe; there is no list.
    Open(&'static str),
}

use Values::Open;

const CAUSES: [Cause; 15] = [
    Cause::PermissionDenied,
    Cause::Seccomp,
    Cause::Lockdown,
    Cause::OutOfMemory,
    Cause::Busy,
    Cause::Timeout,
    Cause::Malformed,
    Cause::TooLarge,
    Cause::WrongKernel,
    Cause::Prerequisite,
    Cause::Inconclusive,
    Cause::NotSupported,
    Cause::NotRecorded,
    Cause::Io,
    Cause::Panicked,
];

/// What leads to a look: the watcher's triggers and the agent's own.
const TRIGGERS: &str = "what changed: `links`, `addresses`, `routes`, `rules`, `traffic_control`, `cni`, `pins`, \
     `sockets`, `mounts`, `programs`, `pods`, `overrun` (more than the kernel keeps); or `start`, \
     `restarted`, `interval`";
const RESULTS: &str = "`ok`, or why not: `conflict`, `gone`, `unauthorized`, `forbidden`, `throttled`, \
     `refused`, `server_error`, `timeout`, `unreachable`";
const REFUSALS: &str =
    "`too_many`, `too_many_of_one` (address), `slow`, `tls`, `tls_timeout`, `accept_failed`";
const ISSUE: &str = "the rule that found it, as `datapath.conflicts` and `datapath.leftovers` of the report name it";

/// The values of one label of a metric.
pub fn of(metric: &Metric, label: &str) -> Values {
    if let Some(values) = cluster::of(metric, label) {
        return values;
    }
    match label {
        "state" => states(metric),
        "feature" => match *metric == metrics::NIC_XDP {
            true => closed(&XDP_FEATURES),
            false => Values::Closed(features::all().map(|it| it.name).collect()),
        },
        "kind" => match *metric == metrics::DATAPATH_ISSUE {
            true => words::<IssueKind>(),
            false => closed(&ANSWERS),
        },
        "mode" => match *metric == metrics::SERVICE_PROXY_INFO {
            true => words::<ProxyMode>(),
            false => Open("how it carries them, in its own words; `unknown`: could not tell"),
        },
        "reason" => match *metric == agent::HTTP_REFUSED {
            true => Open(REFUSALS),
            false => Open("why, in CamelCase, of the closed list in `agent/src/judge/reason.rs`"),
        },
        "source" => match *metric == agent::WATCH_BLIND {
            true => closed(&["routes", "files", "mounts", "programs", "thread"]),
            false => Open("a part of the look, such as `btf`, `cni` or `firewall`"),
        },
        "use" => closed(&["all", "datapath", "tracing", "lsm"]),
        "cni" => words::<Cni>(),
        "severity" => words::<Severity>(),
        "harmful" => closed(&["yes", "no"]),
        "cause" => Values::Closed(CAUSES.iter().map(|it| it.as_str()).collect()),
        "request" => closed(&["labels", "conditions", "taint", "event"]),
        "path" => closed(&["/metrics", "/report", "/", "/healthz", "/readyz", "other"]),
        "task" => closed(&["look", "keeper", "node_watch", "pod_watch"]),
        _ => Open(described(label)),
    }
}

fn states(metric: &Metric) -> Values {
    match *metric {
        metrics::PRIVILEGE_RUNG => {
            let rungs = Rung::WORDS.iter().map(|it| it.1);
            Values::Closed(rungs.chain(["unknown"]).collect())
        }
        metrics::EBPF => words::<Extent>(),
        metrics::BPF_ANSWERS | metrics::CILIUM_FEATURE => words::<FeatureStatus>(),
        metrics::FINDING => words::<Outcome>(),
        agent::STARTUP_TAINT => closed(&["present", "absent", "unknown"]),
        agent::STATISTICS => closed(&["on", "unknown"]),
        agent::PROMISE => Values::Closed(Promise::WORDS.iter().map(|it| it.1).collect()),
        _ => words::<Ternary>(),
    }
}

/// What the values of a label are that has no list.
fn described(label: &str) -> &'static str {
    match label {
        "version" => "of this build",
        "kernel" => "`uname -r`",
        "machine" => "`uname -m`",
        "os" => "`ID` of os-release",
        "os_version" => "`VERSION_ID` of os-release",
        "target" => "the Cilium release in question, such as `1.18`",
        "release" => "a Cilium release that this build knows, such as `1.18`",
        "issue" => ISSUE,
        "owner" => "whose it is, such as `cilium`; empty: nobody's that is known",
        "rule" => {
            "the rule's id, as `bpfready check` prints it; `requires-…`: what the target needs"
        }
        "interface" => "the interface's name",
        "driver" => "the driver's name",
        "trigger" => TRIGGERS,
        "result" => RESULTS,
        "label" => "the whole key",
        "expected" => "the promised datapath",
        "code" => "HTTP status",
        "id" => "the kernel's id of the program",
        "name" => "its name, cut by the kernel at 15 characters; may be empty",
        "type" => "`enum bpf_prog_type`, in small letters",
        "tag" => "hash of its instructions",
        _ => "",
    }
}

fn closed(words: &[&'static str]) -> Values {
    Values::Closed(words.to_vec())
}

fn words<T: Words>() -> Values {
    Values::Closed(T::WORDS.iter().map(|it| it.1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::names::cluster as of_cluster;

    #[test]
    fn every_label_of_every_metric_is_described() {
        for metric in metrics::ALL.iter().chain(agent::ALL).chain(of_cluster::ALL) {
            for label in metric.labels {
                assert!(!matches!(of(metric, label), Open("")), "{} of {}", label, metric.name);
            }
        }
    }

    /// Every enum of one gauge per state has "unknown", and nothing is listed twice.
    #[test]
    fn unknown_is_a_state_of_its_own() {
        for metric in metrics::ALL.iter().chain(agent::ALL) {
            if !metric.labels.contains(&"state") || *metric == metrics::FINDING {
                continue;
            }
            let Values::Closed(states) = of(metric, "state") else { panic!("{}", metric.name) };
            assert_eq!(states.iter().filter(|it| **it == "unknown").count(), 1, "{}", metric.name);
        }
    }
}
