//! Metrics of the verdict.

use super::Samples;
use crate::judge::report::{CiliumVerdict, Verdict};
use crate::publish::names::metrics;
use crate::publish::words::{Words, json_word};

pub(super) fn sample(samples: &mut Samples, verdict: &Verdict) {
    let Verdict { ebpf, datapath, service_proxy, cilium: of_cilium, findings } = verdict;
    samples.states(metrics::EBPF, &["all"], ebpf.status);
    samples.states(metrics::EBPF, &["datapath"], ebpf.datapath);
    samples.states(metrics::EBPF, &["tracing"], ebpf.tracing);
    samples.states(metrics::EBPF, &["lsm"], ebpf.lsm);
    cilium(samples, of_cilium);
    let cni = json_word(&datapath.cni);
    samples.put(metrics::DATAPATH_INFO, &[&cni, &datapath.mode], 1.0);
    samples.put(metrics::SERVICE_PROXY_INFO, &[&json_word(&service_proxy.mode)], 1.0);
    for finding in findings {
        // One series a rule: with one for each of the four ends, rules alone would be half of all.
        let (state, reason) = (finding.outcome.word(), finding.reason.as_str());
        let labels = [finding.rule.as_str(), finding.severity.word(), state, reason];
        samples.put(metrics::FINDING, &labels, 1.0);
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
