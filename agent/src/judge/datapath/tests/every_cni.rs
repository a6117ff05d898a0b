//! At least one composed host for every value of `datapath.cni`.

use super::nodes;
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::{Cni, Confidence};

/// Present and next agree, the mode and the policy engine are these, and nothing is left over.
#[track_caller]
fn expect(host: Host, cni: Cni, mode: &str, policy: &str) {
    let verdict = host.verdict().datapath;
    let text = serde_json::to_string_pretty(&verdict).unwrap();
    assert_eq!((verdict.cni, verdict.next_pod), (cni, cni), "{text}");
    assert_eq!((verdict.mode.as_str(), verdict.policy_engine.as_str()), (mode, policy), "{text}");
    assert_eq!(verdict.confidence, Confidence::High, "{text}");
    assert!(verdict.migrating.is_none() && verdict.leftovers.is_empty(), "{text}");
    assert!(!verdict.evidence.is_empty(), "{text}");
}

#[test]
fn cilium_by_itself() {
    expect(nodes::cilium(), Cni::Cilium, "vxlan", "cilium");
    expect(nodes::cilium_eni(), Cni::Cilium, "eni", "cilium");
}

#[test]
fn the_aws_vpc_cni() {
    expect(nodes::aws(), Cni::AwsVpcCni, "routed", "none");
    expect(nodes::aws_with_policy(), Cni::AwsVpcCni, "routed", "aws-network-policy-agent");
}

#[test]
fn calico_in_its_dataplanes() {
    expect(nodes::calico(), Cni::Calico, "iptables", "calico");
    expect(nodes::calico_ebpf("veth"), Cni::Calico, "ebpf", "calico");
    expect(nodes::calico_ebpf("netkit"), Cni::Calico, "ebpf", "calico");
}

#[test]
fn calico_by_vpp_has_no_link_of_a_pod() {
    let host = Host::new()
        .conf("10-calico.conflist", "k8s-pod-network", &["calico/calico-ipam"])
        .link("vpptap0", "tun")
        .route("10.0.1.0/24", "vpptap0")
        .pod("pod-0", "10.0.1.5")
        .pod("pod-1", "10.0.1.6")
        .process("calico-node");
    expect(host, Cni::Calico, "vpp", "calico");
}

#[test]
fn canal_is_one_and_not_two() {
    expect(nodes::canal(), Cni::Canal, "vxlan", "calico");
}

#[test]
fn bridges_are_told_by_their_names_and_agents() {
    expect(nodes::flannel(), Cni::Flannel, "vxlan", "none");
    expect(nodes::weave(), Cni::Weave, "fastdp", "weave");
    expect(nodes::bridge(), Cni::Bridge, "bridge", "none");
}

/// Its configuration names `bridge` and no bridge; the kernel names it.
#[test]
fn kube_router_is_told_by_its_bridge() {
    let verdict = nodes::kube_router().verdict().datapath;
    assert_eq!((verdict.cni, verdict.mode.as_str()), (Cni::KubeRouter, "bgp"));
    assert_eq!(verdict.policy_engine, "kube-router");
}

#[test]
fn kindnet_has_neither_ebpf_nor_bridge() {
    expect(nodes::kindnet(), Cni::Kindnet, "ptp", "kindnet");
}

#[test]
fn switches_are_told_by_their_gateways() {
    expect(nodes::antrea(), Cni::Antrea, "geneve", "antrea");
    expect(nodes::antrea_policy_only(), Cni::Antrea, "policy-only", "antrea");
    expect(nodes::ovn_kubernetes(), Cni::OvnKubernetes, "geneve", "ovn-kubernetes");
    expect(nodes::kube_ovn(), Cni::KubeOvn, "geneve", "kube-ovn");
}

#[test]
fn azure_by_itself_and_with_cilium() {
    expect(nodes::azure(), Cni::AzureCni, "transparent", "none");
    expect(nodes::azure_powered_by_cilium(), Cni::AzureCniCilium, "powered-by-cilium", "cilium");
    expect(nodes::azure_chained(), Cni::AzureCniCilium, "chained", "cilium");
}

#[test]
fn gke_dataplane_v2_is_cilium_on_ptp() {
    expect(nodes::gke(), Cni::GkeDataplaneV2, "ptp", "cilium");
}

/// The other file waits behind Cilium's chained one: the same CNI, so nothing to tell but that.
#[test]
fn cilium_chained_on_aws() {
    let verdict = nodes::aws_chained().verdict().datapath;
    assert_eq!((verdict.cni, verdict.next_pod), (Cni::AwsVpcCniCilium, Cni::AwsVpcCniCilium));
    assert_eq!((verdict.confidence, verdict.policy_engine.as_str()), (Confidence::High, "cilium"));
    assert_eq!(verdict.modes["attach"], "tcx");
    assert!(verdict.conflicts.is_empty());
}

#[test]
fn a_node_without_pods_and_configuration_has_none() {
    let verdict = Host::new().verdict().datapath;
    assert_eq!((verdict.cni, verdict.next_pod), (Cni::None, Cni::None), "{verdict:#?}");
}

#[test]
fn nothing_follows_from_nothing() {
    let facts = crate::judge::sample::unknown();
    let verdict = crate::judge::judge(facts, &crate::judge::Policy::default()).verdict;
    assert_eq!((verdict.datapath.cni, verdict.datapath.next_pod), (Cni::Unknown, Cni::Unknown));
    assert_eq!(verdict.datapath.confidence, Confidence::None);
    assert_eq!(verdict.datapath.policy_engine, "unknown");
    assert!(verdict.datapath.issues.is_empty());
    assert!(verdict.datapath.unread.len() >= 10, "{:#?}", verdict.datapath.unread);
}

/// Without the API server the kernel's own routes and pairs tell the pods.
#[test]
fn without_an_api_server_pods_are_those_of_the_routes() {
    let verdict = nodes::aws_with_policy().without_api().verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.seen, verdict.pods.traced), (Cni::AwsVpcCni, 3, 3));
    let verdict = nodes::cilium().without_api().verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.traced), (Cni::Cilium, 3), "{verdict:#?}");
}

#[test]
fn aspects_of_cilium_are_told_beside_its_mode() {
    let verdict = nodes::cilium().xdp("eth0", "cil_xdp_entry").verdict().datapath;
    for (aspect, value) in [
        ("attach", "tcx"),
        ("device", "veth"),
        ("xdp", "driver"),
        ("host-routing", "bpf"),
        ("kube-proxy-replacement", "true"),
        ("socket-lb", "enabled"),
    ] {
        assert_eq!(verdict.modes[aspect], value, "{:#?}", verdict.modes);
    }
}
