//! Metrics of the verdict.

use super::Samples;
use crate::judge::report::{CiliumVerdict, DatapathVerdict, Verdict};
use crate::publish::names::metrics;
use crate::publish::words::{Words, json_word};

pub(super) fn sample(samples: &mut Samples, verdict: &Verdict) {
    let Verdict { ebpf, datapath, service_proxy, cilium: of_cilium, findings } = verdict;
    samples.states(metrics::EBPF, &["all"], ebpf.status);
    samples.states(metrics::EBPF, &["datapath"], ebpf.datapath);
    samples.states(metrics::EBPF, &["tracing"], ebpf.tracing);
    samples.states(metrics::EBPF, &["lsm"], ebpf.lsm);
    cilium(samples, of_cilium);
    carried_by(samples, datapath);
    samples.put(metrics::SERVICE_PROXY_INFO, &[&json_word(&service_proxy.mode)], 1.0);
    for finding in findings {
        // One series a rule: with one for each of the four ends, rules alone would be half of all.
        let (state, reason) = (finding.outcome.word(), finding.reason.as_str());
        let labels = [finding.rule.as_str(), finding.severity.word(), state, reason];
        samples.put(metrics::FINDING, &labels, 1.0);
    }
}

/// What carries the pods' packets, and what is in its way.
fn carried_by(samples: &mut Samples, datapath: &DatapathVerdict) {
    let cni = json_word(&datapath.cni);
    samples.put(metrics::DATAPATH_INFO, &[&cni, &datapath.mode], 1.0);
    samples.put(metrics::NEXT_POD_INFO, &[&json_word(&datapath.next_pod)], 1.0);
    for (cni, pods) in &datapath.pods.by_cni {
        samples.put(metrics::DATAPATH_PODS, &[&json_word(cni)], f64::from(*pods));
    }
    let migrating = if datapath.migrating.is_some() { 1.0 } else { 0.0 };
    samples.put(metrics::DATAPATH_MIGRATING, &[], migrating);
    for issue in &datapath.issues {
        let harmful = if issue.harmful { "yes" } else { "no" };
        let labels = [&json_word(&issue.kind), &issue.id, &issue.owner, harmful];
        samples.put(metrics::DATAPATH_ISSUE, &labels, 1.0);
    }
}

fn cilium(samples: &mut Samples, cilium: &CiliumVerdict) {
    let target = cilium.target.to_string();
    samples.states(metrics::CILIUM_CAPABLE, &[&target], cilium.capable);
    for (release, capable) in &cilium.releases {
        let release = release.to_string();
        samples.states(metrics::CILIUM_RELEASE_CAPABLE, &[&release], *capable);
    }
    samples.states(metrics::CILIUM_READY, &[], cilium.ready);
    for (name, feature) in &cilium.features {
        samples.states(metrics::CILIUM_FEATURE, &[name], feature.status);
    }
}
