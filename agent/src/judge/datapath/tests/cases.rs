//! The 20 cases of `cni-fingerprints.md` § 9, by their numbers.

use super::nodes::{self, ENI};
use crate::facts::hooks::Direction;
use crate::facts::{Cause, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::{Area, Cni, Confidence, ProxyMode, Role, Verdict};

fn has(verdict: &Verdict, id: &str) -> bool {
    verdict.datapath.issues.iter().any(|it| it.id == id)
}

/// 13 and 14 are in `every_proxy`, 20 in the cluster's report: no agent is on a Fargate node.
#[test]
fn case_1_nameless_programs_with_crossed_directions_are_the_aws_policy_agent() {
    let verdict = nodes::aws_with_policy().verdict();
    assert_eq!(verdict.datapath.cni, Cni::AwsVpcCni);
    assert_eq!(verdict.datapath.policy_engine, "aws-network-policy-agent");
    assert!(!verdict.datapath.modes.contains_key("attach"));
}

#[test]
fn case_2_a_program_by_tcx_makes_it_chained() {
    let verdict = nodes::aws_chained().verdict();
    assert_eq!(
        (verdict.datapath.cni, verdict.datapath.confidence),
        (Cni::AwsVpcCniCilium, Confidence::High)
    );
}

#[test]
fn case_3_without_any_chain_it_is_still_the_vpc_cni() {
    let mut host = nodes::aws();
    host.facts.firewall.nftables = Observed::Known(Vec::new());
    assert_eq!(host.verdict().datapath.cni, Cni::AwsVpcCni);
}

#[test]
fn case_4_an_ipv6_cluster_has_no_chains_and_no_ipv4() {
    let host = Host::new()
        .conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni"])
        .link(ENI[0], "veth")
        .route("2001:db8::10/128", ENI[0])
        .rule(512, None, Some("2001:db8::10/128"), 254)
        .pod("pod-0", "2001:db8::10")
        .process("aws-k8s-agent");
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.confidence), (Cni::AwsVpcCni, Confidence::High));
    assert_eq!(verdict.modes["ip-family"], "ipv6");
}

#[test]
fn case_5_a_pod_on_a_branch_interface_is_found_by_its_input_rule() {
    let host = Host::new()
        .conf("10-aws.conflist", "aws-cni", &["aws-cni"])
        .link("vlan0a1b2c3d4e5", "veth")
        .link("vlan.eth.1", "vlan")
        .route_in(101, "10.0.9.9/32", "vlan0a1b2c3d4e5")
        .input_rule(10, "vlan0a1b2c3d4e5", 101)
        .input_rule(10, "vlan.eth.1", 101)
        .rule(20, None, None, 255)
        .pod("pod-0", "10.0.9.9")
        .process("aws-k8s-agent");
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.traced), (Cni::AwsVpcCni, 1), "{verdict:#?}");
    assert_eq!(verdict.modes["security-groups-for-pods"], "strict");
}

#[test]
fn case_6_priorities_are_read_with_their_selectors() {
    let eni = nodes::cilium_eni().verdict().datapath;
    assert_eq!((eni.cni, eni.mode.as_str()), (Cni::Cilium, "eni"));
    let strict = nodes::aws().rule(20, None, None, 255).verdict().datapath;
    assert_eq!((strict.cni, strict.mode.as_str()), (Cni::AwsVpcCni, "routed"));
}

#[test]
fn case_7_a_renamed_file_is_history() {
    let host = Host::new()
        .conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni", "portmap"])
        .renamed("05-cilium.conflist.cilium_bak");
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.next_pod, Cni::AwsVpcCni);
}

#[test]
fn case_8_a_stale_copy_in_multus_is_what_runs_and_is_told() {
    let host = Host::new()
        .multus_copy("00-multus.conf", "aws-cni", &["aws-cni", "egress-cni", "portmap"])
        .conf("05-cilium.conflist", "cilium", &["cilium-cni"]);
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.next_pod, Cni::AwsVpcCni);
    assert!(has(&verdict, "cni-copy-stale"), "{:#?}", verdict.datapath.issues);
    assert_eq!(verdict.datapath.companions[0].name, "multus");
    assert_eq!(verdict.datapath.companions[0].role, Role::MetaPlugin);
}

#[test]
fn case_9_istios_copy_is_named_by_what_it_copies() {
    let copy = ["aws-cni", "egress-cni", "portmap", "istio-cni"];
    let host = Host::new().conf("02-istio-cni.conflist", "aws-cni", &copy).conf(
        "10-aws.conflist",
        "aws-cni",
        &copy[..3],
    );
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.next_pod, Cni::AwsVpcCni);
    assert!(!has(&verdict, "cni-copy-stale"));
    assert_eq!(verdict.datapath.companions[0].name, "istio-cni");
}

#[test]
fn case_10_a_broken_first_file_stops_containerd_and_not_cri_o() {
    let host = |host: Host| {
        host.broken_conf("00-bad.conflist").conf(
            "10-calico.conflist",
            "k8s-pod-network",
            &["calico"],
        )
    };
    let containerd = host(Host::new()).verdict();
    assert_eq!(containerd.datapath.next_pod, Cni::None);
    assert!(has(&containerd, "cni-first-file-broken"));
    let crio = host(Host::new().crio()).verdict();
    assert_eq!(crio.datapath.next_pod, Cni::Calico);
    assert!(!has(&crio, "cni-first-file-broken"));
}

#[test]
fn case_11_an_empty_directory_beside_a_full_one_is_not_no_cni() {
    let mut host = Host::new();
    host.facts.cni.unread_dirs =
        Observed::Known(vec!["/var/lib/rancher/k3s/agent/etc/cni/net.d".into()]);
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.next_pod, verdict.cni), (Cni::Unknown, Cni::Unknown));
}

#[test]
fn case_11_an_empty_directory_beside_an_unreadable_one_is_not_no_cni() {
    let mut host = Host::new();
    let dir = "/var/lib/rancher/k3s/agent/etc/cni/net.d";
    host.facts.cni.unread_dirs =
        Observed::unknown(Cause::PermissionDenied, format!("cannot read {dir}"));
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.next_pod, Cni::Unknown);
    let why = verdict.datapath.next.evidence.join("; ");
    assert!(why.contains(dir), "{why}");
}

#[test]
fn case_12_three_bare_links_are_three_leftovers_and_no_datapath() {
    let host = Host::new()
        .link("tunl0", "ipip")
        .link("kube-ipvs0", "dummy")
        .link("ovs-system", "openvswitch");
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.cni, Cni::None);
    for id in ["tunl0-unused", "kube-ipvs0-left", "ovs-datapath-left"] {
        assert!(has(&verdict, id), "{id}");
    }
    assert_eq!(verdict.datapath.leftovers.len(), 3);
    assert_eq!(verdict.service_proxy.mode, ProxyMode::None);
}

#[test]
fn case_15_netkit_is_no_sign_of_cilium() {
    let verdict = nodes::calico_ebpf("netkit").verdict().datapath;
    assert_eq!((verdict.cni, verdict.modes["device"].as_str()), (Cni::Calico, "netkit"));
}

#[test]
fn case_16_observers_on_every_link_are_named_and_passed_over() {
    let host = ENI.into_iter().fold(nodes::aws(), |host, link| {
        host.tcx(link, Direction::Ingress, "endpoint_ingress_filter")
    });
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.policy_engine.as_str()), (Cni::AwsVpcCni, "none"));
    let retina = verdict.companions.iter().find(|it| it.name == "retina").unwrap();
    assert_eq!(retina.role, Role::Observer);
}

#[test]
fn case_17_a_fresh_node_is_unknown_and_its_next_pod_is_not() {
    let host = Host::new().conf("10-aws.conflist", "aws-cni", &["aws-cni", "portmap"]);
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.confidence), (Cni::Unknown, Confidence::None));
    assert_eq!(verdict.next_pod, Cni::AwsVpcCni);
    assert!(verdict.migrating.is_none());
}

#[test]
fn case_18_without_rights_the_verdict_names_what_was_not_read() {
    let verdict = nodes::aws_with_policy().without_rights().verdict().datapath;
    assert_eq!((verdict.cni, verdict.confidence), (Cni::AwsVpcCni, Confidence::Medium));
    let areas: Vec<Area> = verdict.unread.iter().map(|it| it.area).collect();
    assert!(areas.contains(&Area::Hooks) && areas.contains(&Area::Nftables), "{areas:?}");
    // Filters and their labels need no right, so the policy agent is seen all the same.
    assert_eq!(verdict.policy_engine, "aws-network-policy-agent");
    let bare = nodes::aws().without_rights().verdict();
    assert_eq!(bare.datapath.policy_engine, "unknown");
    assert_eq!(bare.service_proxy.mode, ProxyMode::Unknown);
}

#[test]
fn case_19_auto_mode_is_the_vpc_cni_and_vetoes_cilium() {
    let mut host = nodes::aws().unit("ipamd.service");
    host.facts.agents.processes =
        Observed::Unknown(Failure::new(Cause::Prerequisite, "another pid namespace"));
    let verdict = host.verdict();
    assert_eq!(verdict.datapath.cni, Cni::AwsVpcCni);
    assert!(verdict.datapath.mode.starts_with("auto-mode"), "{}", verdict.datapath.mode);
    assert!(has(&verdict, "eks-auto-mode"));
    assert_eq!(verdict.cilium.capable, crate::judge::report::Ternary::No);
}
