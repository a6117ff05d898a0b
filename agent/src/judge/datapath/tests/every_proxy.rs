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
