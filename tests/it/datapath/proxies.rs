//! A composed host for every value of `service_proxy.mode` that the kernel here can host.

use bpfready::judge::report::{Confidence, ProxyMode};

use super::host::{Flavour, Host, on_host};
use super::nodes;

#[track_caller]
fn expect(host: &Host, mode: ProxyMode, owner: &str, confidence: Confidence) {
    let told = host.verdict().service_proxy;
    let got = (told.mode, told.owner.as_str(), told.confidence);
    assert_eq!(got, (mode, owner, confidence), "{told:#?}");
    assert!(!told.evidence.is_empty());
}

#[test]
fn kube_proxy_by_iptables_of_both_flavours() {
    for flavour in [Flavour::Nft, Flavour::Legacy] {
        on_host(move |host| {
            nodes::aws(host);
            if nodes::kube_proxy_rules(host, flavour) {
                nodes::kube_proxy(host, "iptables");
                expect(host, ProxyMode::Iptables, "kube-proxy", Confidence::High);
            }
        });
    }
}

/// Also § 9, case 14.
#[test]
fn kube_proxy_by_nftables() {
    on_host(|host| {
        nodes::kindnet(host);
        nodes::kube_proxy_table(host);
        host.answers(10256, 200, "");
        host.process("kube-proxy", &[]);
        expect(host, ProxyMode::Nftables, "kube-proxy", Confidence::High);
    });
}

/// With real services of IPVS: [`super::kinds`].
#[test]
fn kube_proxy_by_its_word_alone() {
    on_host(|host| {
        nodes::calico(host);
        nodes::kube_proxy(host, "ipvs");
        expect(host, ProxyMode::Ipvs, "kube-proxy", Confidence::Medium);
    });
}

#[test]
fn cilium_in_its_place() {
    on_host(|host| {
        nodes::cilium(host);
        expect(host, ProxyMode::Cilium, "cilium", Confidence::Medium);
    });
    // With its own word, as the recorded node of 1.17 says it.
    on_host(|host| {
        nodes::cilium(host);
        host.answers_at("/run/cilium/cilium.sock", super::CILIUM_STATUS);
        expect(host, ProxyMode::Cilium, "cilium", Confidence::High);
    });
}

#[test]
fn calico_in_its_place() {
    on_host(|host| {
        nodes::calico_ebpf(host);
        expect(host, ProxyMode::Calico, "calico", Confidence::High);
    });
}

/// § 9, case 13.
#[test]
fn kubelets_own_chains_are_nobodys_proxy() {
    on_host(|host| {
        let mangle = [":KUBE-KUBELET-CANARY - [0:0]", ":KUBE-IPTABLES-HINT - [0:0]"];
        host.iptables(Flavour::Nft, "mangle", &mangle);
        let jump = "-A INPUT -j KUBE-FIREWALL";
        host.iptables(Flavour::Nft, "filter", &[":KUBE-FIREWALL - [0:0]", jump]);
        expect(host, ProxyMode::None, "", Confidence::High);
    });
}

#[test]
fn a_switch_translates_in_flows_that_are_not_read() {
    on_host(|host| {
        host.conf("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"]);
        host.tap("ovn0", "100.64.0.2/16");
        host.process("kube-ovn-daemon", &[]);
        expect(host, ProxyMode::Unknown, "kube-ovn", Confidence::Low);
    });
}

#[test]
fn rules_that_nobody_refreshes_still_translate_and_are_told_as_such() {
    on_host(|host| {
        nodes::aws(host);
        nodes::kube_proxy_rules(host, Flavour::Nft);
        expect(host, ProxyMode::Iptables, "kube-proxy", Confidence::Low);
    });
}
