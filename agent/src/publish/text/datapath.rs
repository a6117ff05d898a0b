//! What carries the packets here, and who translates Services: two lines with their evidence.

use super::layout::{ASIDE, HEADING, Page, UNKNOWN, Word, first_of, styled};
use super::node::WIDTH;
use crate::judge::report::{Cni, Confidence, DatapathVerdict, ServiceProxyVerdict, Verdict};

/// Pods' packets, Services, and whether Cilium is ready.
pub(super) fn datapath(page: &mut Page, verdict: &Verdict) {
    let Verdict { datapath, service_proxy, cilium, ebpf: _, findings: _ } = verdict;
    page.row(["Pods"], WIDTH, &pods(datapath));
    aside(page, &datapath.evidence);
    page.row(["Services"], WIDTH, &services(service_proxy));
    aside(page, &service_proxy.evidence);
    if let Some(why) = &cilium.ready_why {
        let running = cilium.running.map(|it| format!(", {it} runs here")).unwrap_or_default();
        let word = Word::from(cilium.ready).styled();
        page.row(["Ready"], WIDTH, &format!("{word} ({}{running})", why.reason));
        aside(page, &why.evidence);
    }
}

fn aside(page: &mut Page, evidence: &[String]) {
    if let Some(first) = first_of(evidence) {
        page.row([""], WIDTH, &styled(ASIDE, &first));
    }
}

/// `cilium (vxlan), high confidence; next pod: cilium; policy: cilium`.
fn pods(datapath: &DatapathVerdict) -> String {
    let mode = match datapath.cni {
        Cni::None | Cni::Unknown => String::new(),
        _ => format!(" ({})", datapath.mode),
    };
    let name = styled(HEADING, datapath.cni.as_str());
    let sure = sureness(datapath.confidence);
    let next = format!("next pod: {}", datapath.next_pod);
    let line = format!("{name}{mode}{sure}; {next}; policy: {}", datapath.policy_engine);
    match &datapath.migrating {
        None => line,
        Some(it) => {
            let counts = format!("{} of {}, {} of {}", it.pods_from, it.from, it.pods_to, it.to);
            format!("{line}; {}: {counts}", styled(UNKNOWN, "migrating"))
        }
    }
}

/// `iptables of kube-proxy, high confidence`.
fn services(proxy: &ServiceProxyVerdict) -> String {
    let name = styled(HEADING, proxy.mode.as_str());
    let owner = match proxy.owner.as_str() {
        "" => String::new(),
        owner if owner == proxy.mode.as_str() => String::new(),
        owner => format!(" of {owner}"),
    };
    format!("{name}{owner}{}", sureness(proxy.confidence))
}

fn sureness(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => ", high confidence",
        Confidence::Medium => ", medium confidence",
        Confidence::Low => ", low confidence",
        Confidence::None => "",
    }
}
