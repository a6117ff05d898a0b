//! The cases of `cni-fingerprints.md` § 9 by their numbers; see the table above.

use bpfready::judge::report::{Area, Cni, Confidence, ProxyMode, Role, Ternary, Verdict};

use super::expect_issues;
use super::host::{Flavour, Host, on_host};
use super::kernel::Way;
use super::nodes::{self, ENI};

#[track_caller]
fn expect(host: &Host, cni: Cni, next: Cni) -> Verdict {
    let verdict = host.verdict();
    let told = &verdict.datapath;
    assert_eq!((told.cni, told.next_pod), (cni, next), "{told:#?}");
    verdict
}

#[test]
fn case_1_nameless_programs_with_crossed_directions_are_the_aws_policy_agent() {
    on_host(|host| {
        nodes::aws(host);
        nodes::aws_policy(host);
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        assert_eq!(verdict.datapath.policy_engine, "aws-network-policy-agent");
        assert_eq!(verdict.datapath.confidence, Confidence::High);
        expect_issues(&verdict, &[], &[]);
    });
}

#[test]
fn case_3_without_any_chain_it_is_still_the_vpc_cni() {
    on_host(|host| {
        nodes::aws(host);
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        assert_eq!(verdict.service_proxy.mode, ProxyMode::None);
    });
}

#[test]
fn case_4_an_ipv6_cluster_has_no_chains_and_no_ipv4() {
    on_host(|host| {
        host.conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni"]);
        for (link, address) in ENI.into_iter().zip(["2001:db8::10", "2001:db8::11"]) {
            host.pod(link, address);
            host.ip(&format!("-6 rule add to {address} lookup main priority 512"));
        }
        host.process("aws-k8s-agent", &[]);
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        assert_eq!(verdict.datapath.modes["ip-family"], "ipv6", "{:#?}", verdict.datapath);
        assert_eq!(verdict.datapath.pods.traced, 2, "{:#?}", verdict.datapath);
        expect_issues(&verdict, &[], &[]);
    });
}

/// The route is only in the branch's own table, the local rule at 20.
#[test]
fn case_5_a_pod_on_a_branch_interface_is_found_by_its_input_rule() {
    on_host(|host| {
        nodes::aws(host);
        strict_pod(host);
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        let told = &verdict.datapath;
        assert_eq!(told.pods.traced, 3, "{told:#?}");
        assert_eq!(told.modes["security-groups-for-pods"], "strict", "{told:#?}");
        expect_issues(&verdict, &[], &[]);
    });
}

/// A pod with security groups in strict mode.
pub(super) fn strict_pod(host: &mut Host) {
    host.pair("vlan0a1b2c3d4e5");
    host.ip("rule add lookup local priority 20\nrule del lookup local priority 0");
    host.ip("route add 10.0.9.9/32 dev vlan0a1b2c3d4e5 table 101");
    host.ip("rule add iif vlan0a1b2c3d4e5 lookup 101 priority 10");
    host.ip("rule add iif vlan.eth.1 lookup 101 priority 10");
}

#[test]
fn case_7_a_renamed_file_is_history() {
    on_host(|host| {
        host.conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni", "portmap"]);
        host.file("/etc/cni/net.d/05-cilium.conflist.cilium_bak", "{}");
        expect(host, Cni::Unknown, Cni::AwsVpcCni);
    });
}

#[test]
fn case_8_a_stale_copy_in_multus_is_what_runs_and_is_told() {
    on_host(|host| {
        host.conf("05-cilium.conflist", "cilium", &["cilium-cni"]);
        for binary in ["aws-cni", "multus"] {
            host.file(&format!("/opt/cni/bin/{binary}"), "");
        }
        let copy = r#"{"cniVersion":"0.4.0","name":"aws-cni","plugins":[{"type":"aws-cni"}]}"#;
        let multus = format!(
            r#"{{"cniVersion":"0.3.1","name":"multus-cni-network","type":"multus","delegates":[{copy}]}}"#
        );
        host.file("/etc/cni/net.d/00-multus.conf", &multus);
        let verdict = expect(host, Cni::Unknown, Cni::AwsVpcCni);
        let multus = &verdict.datapath.companions[0];
        assert_eq!((multus.name.as_str(), multus.role), ("multus", Role::MetaPlugin));
        expect_issues(&verdict, &["cni-copy-stale"], &["cni-file-waiting"]);
    });
}

#[test]
fn case_9_istios_copy_is_named_by_what_it_copies() {
    on_host(|host| {
        let copy = ["aws-cni", "egress-cni", "portmap", "istio-cni"];
        host.conf("02-istio-cni.conflist", "aws-cni", &copy);
        host.conf("10-aws.conflist", "aws-cni", &copy[..3]);
        let verdict = expect(host, Cni::Unknown, Cni::AwsVpcCni);
        assert_eq!(verdict.datapath.companions[0].name, "istio-cni");
        expect_issues(&verdict, &[], &[]);
    });
}

#[test]
fn case_10_a_broken_first_file_stops_containerd_and_not_cri_o() {
    on_host(|host| {
        host.file("/etc/cni/net.d/00-bad.conflist", "{\"name\": ");
        host.conf("10-calico.conflist", "k8s-pod-network", &["calico"]);
        let verdict = expect(host, Cni::Unknown, Cni::None);
        expect_issues(&verdict, &["cni-first-file-broken"], &[]);
        std::fs::remove_dir_all("/etc/containerd").unwrap();
        std::fs::remove_dir_all("/run/containerd").unwrap();
        host.file("/etc/crio/crio.conf", "");
        host.listens("/run/crio/crio.sock");
        let verdict = expect(host, Cni::Unknown, Cni::Calico);
        expect_issues(&verdict, &[], &[]);
    });
}

/// Its Flannel, kube-proxy and policy controller live in one process of another name.
#[test]
fn case_11_on_k3s_the_usual_directory_is_empty_and_everything_is_in_one_process() {
    on_host(|host| {
        std::fs::remove_dir_all("/etc/containerd").unwrap();
        std::fs::remove_dir_all("/run/containerd").unwrap();
        host.listens("/run/k3s/containerd/containerd.sock");
        let plugins =
            r#"[{"type":"flannel","delegate":{"isDefaultGateway":true}},{"type":"portmap"}]"#;
        let conf = format!(r#"{{"cniVersion":"1.0.0","name":"cbr0","plugins":{plugins}}}"#);
        let dir = "/var/lib/rancher/k3s";
        host.file(&format!("{dir}/agent/etc/cni/net.d/10-flannel.conflist"), &conf);
        for binary in ["flannel", "portmap"] {
            host.file(&format!("{dir}/data/cni/{binary}"), "");
        }
        host.bridge("cni0", nodes::VETH);
        nodes::flannel_overlay(host);
        nodes::flannel_chain(host, Flavour::Nft);
        nodes::kube_proxy_rules(host, Flavour::Nft);
        host.iptables(Flavour::Nft, "filter", &[":KUBE-ROUTER-FORWARD - [0:0]"]);
        host.process("k3s-server", &[]);
        let verdict = expect(host, Cni::Flannel, Cni::Flannel);
        assert_eq!(verdict.datapath.policy_engine, "kube-router", "{:#?}", verdict.datapath);
        assert_eq!(verdict.service_proxy.mode, ProxyMode::Iptables);
        assert_eq!(verdict.service_proxy.confidence, Confidence::Medium);
        expect_issues(&verdict, &[], &[]);
    });
}

#[test]
fn case_16_observers_on_every_link_are_named_and_passed_over() {
    on_host(|host| {
        nodes::aws(host);
        for link in ENI {
            host.attach(link, nodes::TCX_IN, "endpoint_ingress_filter");
            host.filter(link, Way::Out, 1, "endpoint_egress_filter", "endpoint_egress_filter");
        }
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        assert_eq!(verdict.datapath.policy_engine, "none");
        let retina = &verdict.datapath.companions[0];
        assert_eq!((retina.name.as_str(), retina.role), ("retina", Role::Observer));
        expect_issues(&verdict, &[], &[]);
    });
}

#[test]
fn case_17_a_fresh_node_is_unknown_and_its_next_pod_is_not() {
    on_host(|host| {
        host.conf("10-aws.conflist", "aws-cni", &["aws-cni", "portmap"]);
        let verdict = expect(host, Cni::Unknown, Cni::AwsVpcCni);
        assert_eq!(verdict.datapath.confidence, Confidence::None);
        assert!(verdict.datapath.migrating.is_none());
    });
}

#[test]
fn case_18_without_rights_the_verdict_names_what_was_not_read() {
    on_host(|host| {
        nodes::aws(host);
        nodes::kube_proxy_rules(host, Flavour::Nft);
        let verdict = host.verdict_without_rights();
        let told = &verdict.datapath;
        assert_eq!((told.cni, told.confidence), (Cni::AwsVpcCni, Confidence::Medium), "{told:#?}");
        assert_eq!(told.policy_engine, "unknown");
        let areas: Vec<Area> = told.unread.iter().map(|it| it.area).collect();
        for area in [Area::Hooks, Area::Programs, Area::Nftables, Area::Ipsets] {
            assert!(areas.contains(&area), "{areas:?}");
        }
        assert_eq!(verdict.service_proxy.mode, ProxyMode::Unknown);
        assert!(told.issues.is_empty(), "{:#?}", told.issues);
    });
}

/// On Auto Mode the agents are systemd units.
#[test]
fn case_19_auto_mode_is_the_vpc_cni_and_vetoes_cilium() {
    on_host(|host| {
        nodes::aws(host);
        host.unit("ipamd.service");
        let verdict = expect(host, Cni::AwsVpcCni, Cni::AwsVpcCni);
        assert!(verdict.datapath.mode.starts_with("auto-mode"), "{:#?}", verdict.datapath);
        assert_eq!(verdict.cilium.capable, Ternary::No);
        expect_issues(&verdict, &["eks-auto-mode"], &[]);
    });
}
