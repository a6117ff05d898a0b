//! What something that is gone left: every leftover of `cni-fingerprints.md` § 5 and § 7 that the
//! kernel here can host, beside a datapath that lives.

use bpfready::judge::report::{Cni, Ternary};

use super::expect_issues;
use super::host::{Flavour, on_host};
use super::kernel::{Hook, Way};
use super::nodes::{self, ENI};

#[test]
fn of_aws_calico_and_kube_proxy_beside_cilium() {
    on_host(|host| {
        nodes::cilium(host);
        let whole =
            nodes::aws_netfilter(host, Flavour::Legacy) || nodes::aws_netfilter(host, Flavour::Nft);
        assert!(whole);
        host.nft(
            "table ip aws-cni { chain nat-prerouting { type nat hook prerouting priority -90; policy accept; }; }",
        );
        let primary = r#"-A PREROUTING -m comment --comment "AWS, primary ENI" -i eth0 -j ACCEPT"#;
        host.iptables(Flavour::Nft, "mangle", &[primary]);
        nodes::aws_rule(host, "10.0.7.7");
        nodes::calico_chains(host, Flavour::Nft);
        nodes::calico_tables(host);
        host.ipset("cali40all-hosts-net");
        host.ip("link add bpfin.cali type veth peer name bpfout.cali");
        host.pinned_map("/sys/fs/bpf/tc/globals/cali_v4_nat_fe3");
        host.cgroup(Hook::Connect4, "calico_connect_v4");
        nodes::kube_proxy_rules(host, Flavour::Nft);
        nodes::kube_proxy_table(host);
        host.iptables(Flavour::Nft, "nat", &[":CNI-HOSTPORT-DNAT - [0:0]"]);
        host.conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni"]);
        host.file("/run/aws-node/ipam.json", "{}");
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.cni, Cni::Cilium);
        let left = [
            "aws-snat-chains-left",
            "aws-nft-table-left",
            "aws-mangle-rules-left",
            "aws-routing-rules-left",
            "aws-ipam-file-left",
            "calico-rules-left",
            "calico-ipsets-left",
            "calico-devices-left",
            "calico-pins-left",
            "calico-programs-left",
            "kube-proxy-rules-left",
            "kube-proxy-table-left",
            "portmap-rules-left",
            "cni-file-waiting",
        ];
        expect_issues(&verdict, &[], &left);
    });
}

#[test]
fn of_the_others_beside_calico() {
    on_host(|host| {
        nodes::calico(host);
        nodes::calico_chains(host, Flavour::Nft);
        nodes::flannel_chain(host, Flavour::Nft);
        host.vxlan("flannel.1", 1, 8472);
        for bridge in ["cni0", "kube-bridge", "weave"] {
            host.ip(&format!("link add {bridge} type bridge\nlink set {bridge} up"));
        }
        let nat = [":KIND-MASQ-AGENT - [0:0]", ":SWIFT-POSTROUTING - [0:0]"];
        host.iptables(Flavour::Nft, "nat", &nat);
        let filter = [":ANTREA-FORWARD - [0:0]", ":CILIUM_FORWARD - [0:0]"];
        host.iptables(Flavour::Nft, "filter", &filter);
        host.iptables(Flavour::Nft, "mangle", &[":GCP-PREROUTING - [0:0]"]);
        host.nft("table inet ovn-kubernetes { }");
        host.ipset("ovn40services");
        host.ip("link add cilium_host type veth peer name cilium_net\nlink set cilium_host up");
        host.pinned_map("/sys/fs/bpf/tc/globals/cilium_lxc");
        host.ip("rule add fwmark 0x200/0xf00 lookup 2004 priority 9");
        host.file("/etc/sysctl.d/99-zzz-override_cilium.conf", "");
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.cni, Cni::Calico, "{:#?}", verdict.datapath);
        let left = [
            "flannel-chains-left",
            "flannel-devices-left",
            "bridge-left",
            "kindnet-rules-left",
            "antrea-rules-left",
            "ovn-kubernetes-rules-left",
            "kube-ovn-rules-left",
            "kube-router-rules-left",
            "weave-rules-left",
            "azure-rules-left",
            "netd-rules-left",
            "cilium-chains-left",
            "cilium-devices-left",
            "cilium-pins-left",
            "cilium-routing-rules-left",
            "cilium-sysctl-left",
        ];
        expect_issues(&verdict, &[], &left);
    });
}

/// The agent names who has an address; itself has some, with rules like a pod's.
#[test]
fn of_pods_that_ciliums_eni_mode_once_had() {
    on_host(|host| {
        nodes::cilium_eni(host);
        let own = [("10.0.1.1", "router"), ("10.0.1.2", "health"), ("10.0.1.3", "ingress")];
        let pods = nodes::ADDRESSES.map(|it| (it, "default/web"));
        for (address, _) in own {
            nodes::eni_rules(host, address);
        }
        let given: serde_json::Map<_, _> =
            own.into_iter().chain(pods).map(|it| (it.0.to_owned(), it.1.into())).collect();
        let status = serde_json::json!({"cilium": {"state": "Ok"}, "ipam": {"allocations": given}});
        host.answers_at("/run/cilium/cilium.sock", &status.to_string());
        expect_issues(&host.verdict(), &[], &[]);
        nodes::eni_rules(host, "10.0.1.99");
        let verdict = host.verdict();
        expect_issues(&verdict, &[], &["cilium-eni-rules-left"]);
        let evidence = &verdict.datapath.issues[0].evidence;
        assert_eq!(evidence, &["rule 20 to 10.0.1.99, rule 111 from 10.0.1.99"]);
    });
}

/// The feature is off and its container runs on; rules of pods that are gone stay.
#[test]
fn of_the_aws_policy_agent_whose_feature_is_off() {
    on_host(|host| {
        nodes::aws(host);
        nodes::aws_rule(host, "10.0.1.99");
        host.filter(ENI[0], Way::In, 1, "handle_egress", "");
        host.process("controller", &["--enable-network-policy=false"]);
        host.answers(8163, 200, "ok");
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.policy_engine, "none", "{:#?}", verdict.datapath);
        expect_issues(&verdict, &[], &["aws-policy-filters-left", "aws-dead-pod-rules-left"]);
    });
    on_host(|host| {
        nodes::aws(host);
        host.pinned_map("/sys/fs/bpf/globals/aws/maps/global_aws_conntrack_map");
        expect_issues(&host.verdict(), &[], &["aws-policy-pins-left"]);
    });
}

/// Cilium's programs see every packet, its file stops every pod, and nobody carries anything.
#[test]
fn of_cilium_whose_agent_is_gone() {
    on_host(|host| {
        nodes::cilium_kernel(host);
        nodes::cilium_socket_lb(host);
        let left = ["cilium-programs-left", "cilium-devices-left", "cilium-pins-left"];
        let verdict = host.verdict();
        assert_eq!((verdict.datapath.cni, verdict.datapath.next_pod), (Cni::Unknown, Cni::None));
        assert_eq!(verdict.cilium.ready, Ternary::No);
        expect_issues(&verdict, &[], &left);
        host.conf("05-cilium.conflist", "cilium", &["cilium-cni"]);
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.cni, Cni::Unknown);
        // What its agent finds again when it starts is not left over.
        expect_issues(&verdict, &["cilium-conf-without-agent"], &left[..1]);
    });
}

#[test]
fn of_cilium_that_renamed_all_other_files() {
    on_host(|host| {
        host.file("/etc/cni/net.d/10-aws.conflist.cilium_bak", "{}");
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.next_pod, Cni::None);
        expect_issues(&verdict, &[], &["cilium-backups-left"]);
    });
}
