//! At least one composed host for every value of `datapath.cni`.

use super::nodes;
use crate::facts::agents::SocketState;
use crate::facts::cni::ConfContent;
use crate::facts::{Cause, Observed};
use crate::judge::datapath::tests::host::{Host, network};
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

/// A laptop with Docker, Podman, LXD and libvirt: their containers and machines are no pods.
#[test]
fn containers_of_other_tools_are_no_pods() {
    let bridges = ["docker0", "br-0a1b2c3d4e5f", "podman0", "cni-podman0", "lxdbr0", "virbr0"];
    let host = bridges.iter().enumerate().fold(Host::new().without_api(), |host, (at, bridge)| {
        host.link(bridge, "bridge").port(&format!("veth0a1b2c3{at}"), "veth", bridge)
    });
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.seen), (Cni::None, 0), "{verdict:#?}");
    // A bridge that nobody is known for may be a plug-in's.
    let host = Host::new().without_api().link("mynet0", "bridge").port("veth1", "veth", "mynet0");
    assert_eq!(host.verdict().datapath.cni, Cni::Bridge);
}

/// Felix leads Services there: `169.254.1.1 dev bpfin.cali`.
#[test]
fn calicos_own_pair_leads_to_no_pod() {
    let host = nodes::calico_ebpf("veth").route("169.254.1.1/32", "bpfin.cali");
    let verdict = host.without_api().verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.seen, verdict.pods.traced), (Cni::Calico, 3, 3));
}

/// Pods are there and no route leads to them, or routes could not be read: not "none".
#[test]
fn pods_that_cannot_be_traced_are_not_no_pods() {
    let host = Host::new().pod("pod-0", "10.0.9.1");
    assert_eq!(host.verdict().datapath.cni, Cni::Unknown);
    let mut host = Host::new();
    host.facts.network.routes = Observed::unknown(Cause::Io, "EIO");
    assert_eq!(host.verdict().datapath.cni, Cni::Unknown);
}

/// Gateways and `br-int` are ports without a master.
#[test]
fn a_switch_with_ports_of_the_host_alone_is_not_left_over() {
    let host = nodes::calico().link("ovs-system", "openvswitch").link("br-int", "openvswitch");
    assert_eq!(host.verdict().datapath.issues, []);
}

/// `cns/cniconflist/generator_linux.go` of azure-container-networking.
#[test]
fn azures_overlay_is_a_mode_of_its_ipam() {
    let mode = |mode: Option<&str>| {
        let mut network = network("azure", &["azure-vnet/azure-cns", "portmap"]);
        let settings = &mut network.plugins[0].settings;
        settings.extend(mode.map(|it| ("ipam.mode".to_owned(), it.to_owned())));
        let mut host = nodes::azure();
        host.facts.cni.files = Observed::Known(Some(Vec::new()));
        host.conf_of("10-azure.conflist", ConfContent::Network(network)).verdict().datapath.mode
    };
    assert_eq!(mode(None), "transparent");
    for word in ["v4overlay", "dualStackOverlay", "overlay"] {
        assert_eq!(mode(Some(word)), "overlay", "{word}");
    }
}

/// By its programs, sockets, processes and rules, where its own word cannot be had.
#[test]
fn aspects_of_cilium_are_told_without_its_word() {
    let mut host = nodes::cilium();
    host.facts.cilium = Observed::Known(None);
    let path = "/run/cilium/hubble.sock".to_owned();
    host.facts.agents.sockets.insert(path, Observed::Known(SocketState::Listening));
    let rule = "cilium: TPROXY to host cilium-dns-egress proxy";
    let host = host.process("cilium-envoy").comment("mangle", "CILIUM_PRE_mangle", rule);
    let modes = host.verdict().datapath.modes;
    for (aspect, value) in [("hubble", "enabled"), ("envoy", "enabled"), ("dns-proxy", "in use")] {
        assert_eq!(modes[aspect], value, "{modes:#?}");
    }
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
