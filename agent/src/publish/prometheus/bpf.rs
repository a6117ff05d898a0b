//! Metrics of the facts: who looked, at what, and how that went.

use super::Samples;
use crate::facts::bpf::Support;
use crate::facts::nic::Nic;
use crate::facts::privilege::{Privilege, Rung};
use crate::facts::{Facts, SourceRun};
use crate::publish::names::metrics;
use crate::publish::words::Words;

/// `enum netdev_xdp_act` of `include/uapi/linux/netdev.h`, in its order.
pub const XDP_FEATURES: [&str; 7] =
    ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg"];
/// Kinds of questions to bpf(2).
pub const ANSWERS: [&str; 8] = [
    "program_type",
    "map_type",
    "map_flag",
    "attach_type",
    "link_type",
    "feature",
    "selftest",
    "net_probe",
];
/// A node has one or two; more would be more series than a node may have.
const MOST_NICS: usize = 8;

pub(super) fn sample(samples: &mut Samples, facts: &Facts) {
    samples.put(metrics::BUILD_INFO, &[&facts.agent_version], 1.0);
    node(samples, facts);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 stay far below 2^53")]
    samples.put(metrics::LOOK_TIMESTAMP, &[], facts.taken_at_seconds as f64);
    rung(samples, facts.privilege.known());
    answers(samples, facts);
    nics(samples, facts);
    facts.sources.iter().for_each(|it| source(samples, it));
}

/// Interfaces with a driver; veth and other links of pods come and go, and are told by `kind`.
fn nics(samples: &mut Samples, facts: &Facts) {
    let nics = facts.nics.known().into_iter().flatten();
    let is_hardware = |it: &&Nic| it.kind.is_none() && matches!(it.driver.known(), Some(Some(_)));
    for nic in nics.filter(is_hardware).take(MOST_NICS) {
        let driver = nic.driver.known().and_then(Option::as_deref).unwrap_or_default();
        let offered = nic.xdp_features.known().and_then(Option::as_ref);
        for feature in XDP_FEATURES {
            let state = match offered {
                Some(offered) if offered.contains(feature) => "yes",
                Some(_) => "no",
                None => "unknown",
            };
            samples.put(metrics::NIC_XDP, &[&nic.name, driver, feature, state], 1.0);
        }
    }
}

fn node(samples: &mut Samples, facts: &Facts) {
    let uname = facts.kernel.uname.known();
    let os = facts.kernel.os.known().and_then(Option::as_ref);
    let labels = [
        uname.map_or("", |it| &it.release),
        uname.map_or("", |it| &it.machine),
        os.map_or("", |it| &it.id),
        os.map_or("", |it| &it.version_id),
    ];
    samples.put(metrics::NODE_INFO, &labels, 1.0);
}

fn rung(samples: &mut Samples, privilege: Option<&Privilege>) {
    let holds = privilege.map(Privilege::rung);
    for (rung, word) in Rung::WORDS {
        let value = if holds == Some(*rung) { 1.0 } else { 0.0 };
        samples.put(metrics::PRIVILEGE_RUNG, &[word], value);
    }
    let unknown = if holds.is_none() { 1.0 } else { 0.0 };
    samples.put(metrics::PRIVILEGE_RUNG, &["unknown"], unknown);
}

/// How many questions of each kind ended how. The answers themselves belong in JSON.
fn answers(samples: &mut Samples, facts: &Facts) {
    let bpf = &facts.bpf;
    let [program, map, map_flag, attach, link, feature, selftest, net_probe] = ANSWERS;
    count(samples, program, bpf.programs.values().map(|it| &it.load));
    count(samples, map, bpf.maps.values());
    count(samples, map_flag, bpf.map_flags.values());
    count(samples, attach, bpf.attach_types.values());
    count(samples, link, bpf.link_types.values());
    count(samples, feature, bpf.features.values());
    count(samples, selftest, facts.selftests.values());
    count(samples, net_probe, facts.net_probes.values());
}

fn count<'a>(samples: &mut Samples, kind: &str, answers: impl Iterator<Item = &'a Support>) {
    let mut counts = [("supported", 0.0), ("unsupported", 0.0), ("unknown", 0.0)];
    for answer in answers {
        for (word, count) in &mut counts {
            if *word == answer.as_str() {
                *count += 1.0;
            }
        }
    }
    for (word, count) in counts {
        samples.put(metrics::BPF_ANSWERS, &[kind, word], count);
    }
}

fn source(samples: &mut Samples, run: &SourceRun) {
    let name = run.source.as_str();
    let success = if run.failure.is_none() { 1.0 } else { 0.0 };
    samples.put(metrics::SOURCE_SUCCESS, &[name], success);
    samples.put(metrics::SOURCE_DURATION, &[name], run.duration_seconds);
    if let Some(failure) = &run.failure {
        samples.put(metrics::SOURCE_FAILURE, &[name, failure.cause.as_str()], 1.0);
    }
}
