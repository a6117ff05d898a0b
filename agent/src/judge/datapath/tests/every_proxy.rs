//! At least one composed host for every value of `service_proxy.mode`.

use super::nodes;
use crate::facts::agents::Endpoint;
use crate::facts::firewall::Family;
use crate::facts::{Cause, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::{Confidence, ProxyMode};

#[track_caller]
fn expect(host: Host, mode: ProxyMode, owner: &str, confidence: Confidence) {
    let verdict = host.verdict().service_proxy;
    assert_eq!(
        (verdict.mode, verdict.owner.as_str(), verdict.confidence),
        (mode, owner, confidence),
        "{verdict:#?}"
    );
    assert!(!verdict.evidence.is_empty());
}

#[test]
fn kube_proxy_by_iptables() {
    expect(nodes::kube_proxy(nodes::aws()), ProxyMode::Iptables, "kube-proxy", Confidence::High);
}

#[test]
fn kube_proxy_by_ipvs_and_kube_router_by_ipvs() {
    let host = nodes::calico().link("kube-ipvs0", "dummy").ipvs(9).process("kube-proxy");
    expect(host, ProxyMode::Ipvs, "kube-proxy", Confidence::High);
    expect(nodes::kube_router(), ProxyMode::Ipvs, "kube-router", Confidence::High);
}

/// Case 14 of `cni-fingerprints.md` § 9.
#[test]
fn kube_proxy_by_nftables() {
    let host =
        nodes::flannel().nft(Family::Ip, "kube-proxy").answers(Endpoint::KubeProxyHealthz, 200, "");
    expect(host, ProxyMode::Nftables, "kube-proxy", Confidence::High);
}

#[test]
fn cilium_and_calico_in_its_place() {
    expect(nodes::cilium(), ProxyMode::Cilium, "cilium", Confidence::High);
    expect(nodes::calico_ebpf("veth"), ProxyMode::Calico, "calico", Confidence::High);
}

/// `kube-proxy-replacement-healthz-bind-address` of Cilium, `bpfKubeProxyHealthzPort` of Calico:
/// they answer for kube-proxy, which does not run.
#[test]
fn an_answer_in_kube_proxys_place_is_no_kube_proxy() {
    let answered = |host: Host| host.answers(Endpoint::KubeProxyHealthz, 200, "");
    let unseen = |mut host: Host| {
        let failure = Failure::new(Cause::Prerequisite, "no hostPID");
        host.facts.agents.processes = Observed::Unknown(failure);
        host
    };
    for host in
        [nodes::cilium(), nodes::calico_ebpf("veth").answers(Endpoint::FelixLiveness, 200, "")]
    {
        for host in [answered(host.clone()), unseen(answered(host))] {
            assert_eq!(host.verdict().datapath.issues, []);
        }
    }
    // Its rules are left over all the same.
    let left = answered(nodes::kube_proxy_rules(nodes::cilium())).verdict().datapath.issues;
    assert_eq!(left.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["kube-proxy-rules-left"]);
}

/// Cilium 1.13 has other words for it (`option.KubeProxyReplacement*`).
#[test]
fn each_word_of_the_replacement_is_understood() {
    let said = |word: &str, features: &[(&str, bool)]| {
        let mut host = nodes::aws_chained();
        if let Observed::Known(Some(status)) = &mut host.facts.cilium {
            status.kube_proxy_replacement = Some(word.into());
            status.kube_proxy_features = features.iter().map(|it| (it.0.into(), it.1)).collect();
        }
        host.verdict().service_proxy.mode
    };
    let (both, one) =
        ([("socketLB", true), ("nodePort", true)], [("socketLB", true), ("nodePort", false)]);
    for word in ["True", "Strict"] {
        assert_eq!(said(word, &[]), ProxyMode::Cilium, "{word}");
    }
    for word in ["False", "Disabled"] {
        assert_eq!(said(word, &one), ProxyMode::None, "{word}");
    }
    for word in ["Partial", "Probe"] {
        assert_eq!(said(word, &both), ProxyMode::Cilium, "{word}");
        assert_eq!(said(word, &one), ProxyMode::None, "{word}");
    }
}

/// Case 13: kubelet makes these by itself.
#[test]
fn kubelets_own_chains_are_nobodys_proxy() {
    let host = Host::new().chain("mangle", "KUBE-KUBELET-CANARY").chain("filter", "KUBE-FIREWALL");
    expect(host.chain("mangle", "KUBE-IPTABLES-HINT"), ProxyMode::None, "", Confidence::High);
}

#[test]
fn a_switch_translates_in_flows_that_are_not_read() {
    expect(nodes::ovn_kubernetes(), ProxyMode::Unknown, "ovn-kubernetes", Confidence::Low);
}

/// The legacy tables need CAP_NET_RAW: nothing found is not "none".
#[test]
fn chains_that_could_not_be_read_leave_it_open() {
    let mut host = Host::new();
    let eperm = Failure::new(Cause::PermissionDenied, "EPERM");
    host.facts.firewall.nftables = Observed::Unknown(eperm);
    expect(host.clone(), ProxyMode::Unknown, "", Confidence::None);
    let host = host.answers(Endpoint::KubeProxyMode, 200, "iptables");
    expect(host, ProxyMode::Iptables, "kube-proxy", Confidence::Medium);
}

#[test]
fn rules_that_nobody_refreshes_still_translate_and_are_told_as_such() {
    let host = nodes::kube_proxy_rules(nodes::aws());
    expect(host.clone(), ProxyMode::Iptables, "kube-proxy", Confidence::Low);
    let issues = host.verdict().datapath.issues;
    assert!(issues.iter().any(|it| it.id == "kube-proxy-rules-left"), "{issues:#?}");
}
