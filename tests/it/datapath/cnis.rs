//! A composed host for every value of `datapath.cni` that the kernel here can host.

use bpfready::judge::report::{Cni, Confidence, Ternary, Verdict};

use super::host::{Flavour, Host, on_host};
use super::kernel::Hook;
use super::nodes;

/// Present and next agree, with this mode and policy engine; nothing is left over or in conflict.
#[track_caller]
fn expect(host: &Host, cni: Cni, confidence: Confidence, mode: &str, policy: &str) -> Verdict {
    let verdict = host.verdict();
    let told = &verdict.datapath;
    let text = serde_json::to_string_pretty(told).unwrap();
    assert_eq!((told.cni, told.next_pod), (cni, cni), "{text}");
    assert_eq!((told.mode.as_str(), told.policy_engine.as_str()), (mode, policy), "{text}");
    assert_eq!(told.confidence, confidence, "{text}");
    assert!(told.migrating.is_none() && told.issues.is_empty(), "{text}");
    assert!(!told.evidence.is_empty() && told.unread.is_empty(), "{text}");
    verdict
}

/// Every pod is traced, so the answer is sure.
#[track_caller]
fn expect_traced(host: &Host, cni: Cni, mode: &str, policy: &str) -> Verdict {
    let verdict = expect(host, cni, Confidence::High, mode, policy);
    let pods = &verdict.datapath.pods;
    assert_eq!((pods.seen, pods.traced), (2, 2), "{:#?}", verdict.datapath);
    verdict
}

#[test]
fn cilium_by_vxlan_and_tcx_with_xdp() {
    on_host(|host| {
        nodes::cilium(host);
        host.attach("eth0", Hook::XdpGeneric, "cil_xdp_entry");
        let verdict = expect_traced(host, Cni::Cilium, "vxlan", "cilium");
        for (aspect, value) in [
            ("attach", "tcx"),
            ("device", "veth"),
            ("xdp", "generic"),
            ("kube-proxy-replacement", "true"),
            ("socket-lb", "enabled"),
        ] {
            assert_eq!(verdict.datapath.modes[aspect], value, "{:#?}", verdict.datapath.modes);
        }
        assert_eq!(verdict.cilium.ready, Ternary::Yes, "{:#?}", verdict.cilium.ready_why);
    });
}

/// Also § 9, case 6: the priorities 20 and 100 with Cilium's selectors.
#[test]
fn cilium_in_eni_mode_by_tc_filters() {
    on_host(|host| {
        nodes::cilium_eni(host);
        let verdict = expect_traced(host, Cni::Cilium, "eni", "cilium");
        // On the uplink and on cilium_host it is tcx.
        assert_eq!(verdict.datapath.modes["attach"], "tcx");
    });
}

#[test]
fn the_aws_vpc_cni() {
    on_host(|host| {
        nodes::aws(host);
        nodes::aws_netfilter(host, Flavour::Nft);
        expect_traced(host, Cni::AwsVpcCni, "routed", "none");
    });
}

/// Also § 9, case 2.
#[test]
fn cilium_chained_on_aws_by_tcx_alone() {
    on_host(|host| {
        nodes::aws_chained(host, &nodes::ENI);
        let verdict = expect_traced(host, Cni::AwsVpcCniCilium, "routed", "cilium");
        assert_eq!(verdict.datapath.modes["attach"], "tcx");
    });
}

/// Its programs are on the ports of Flannel's bridge.
#[test]
fn cilium_chained_on_flannel() {
    on_host(|host| {
        nodes::flannel(host);
        host.conf("05-cilium.conflist", "cbr0", &["flannel", "portmap", "cilium-cni"]);
        for port in nodes::VETH {
            host.attach(port, nodes::TCX_IN, "cil_from_container");
        }
        host.process("cilium-agent", &[]);
        host.answers(9879, 200, "ok");
        expect_traced(host, Cni::Cilium, "native", "cilium");
    });
}

#[test]
fn calico_in_iptables_mode_of_both_flavours() {
    for flavour in [Flavour::Nft, Flavour::Legacy] {
        on_host(move |host| {
            nodes::calico(host);
            if nodes::calico_chains(host, flavour) {
                let verdict = expect_traced(host, Cni::Calico, "iptables", "calico");
                assert_eq!(verdict.datapath.modes["encapsulation"], "vxlan");
            }
        });
    }
}

#[test]
fn calico_in_nftables_mode() {
    on_host(|host| {
        nodes::calico(host);
        nodes::calico_tables(host);
        expect_traced(host, Cni::Calico, "nftables", "calico");
    });
}

#[test]
fn calico_in_ebpf_mode() {
    on_host(|host| {
        nodes::calico_ebpf(host);
        let verdict = expect_traced(host, Cni::Calico, "ebpf", "calico");
        assert_eq!(verdict.datapath.modes["attach"], "tcx");
    });
}

/// No pod has a link on the host, and no API server names one: the agent and the file decide.
#[test]
fn calico_by_vpp() {
    on_host(|host| {
        host.conf("10-calico.conflist", "k8s-pod-network", &["calico/calico-ipam"]);
        host.tap("vpptap0", "10.0.9.1/24");
        host.ip("route add 10.0.1.0/24 via 10.0.9.2 dev vpptap0");
        host.process("calico-node", &["-felix"]);
        let told = host.verdict().datapath;
        assert_eq!((told.cni, told.next_pod), (Cni::Calico, Cni::Calico), "{told:#?}");
        assert_eq!((told.confidence, told.pods.traced), (Confidence::Medium, 0), "{told:#?}");
    });
}

#[test]
fn canal() {
    on_host(|host| {
        nodes::canal(host);
        expect_traced(host, Cni::Canal, "vxlan", "calico");
    });
}

#[test]
fn flannel() {
    on_host(|host| {
        nodes::flannel(host);
        expect_traced(host, Cni::Flannel, "vxlan", "none");
    });
}

#[test]
fn kindnet() {
    on_host(|host| {
        nodes::kindnet(host);
        expect_traced(host, Cni::Kindnet, "ptp", "kindnet");
    });
}

/// The kernel here has no Open vSwitch: gateways are taps, as in OVS's userspace datapath, where
/// no pod's link is a port that the kernel shows.
#[test]
fn switches_are_told_by_agent_file_and_gateway() {
    on_host(|host| {
        host.conf("10-antrea.conflist", "antrea", &["antrea", "portmap", "bandwidth"]);
        host.tap("antrea-gw0", "10.244.1.1/24");
        host.ip("link add vxlan_sys_4789 type vxlan external dstport 4789");
        host.process("antrea-agent", &[]);
        host.listens("/run/antrea/cni.sock");
        expect(host, Cni::Antrea, Confidence::Medium, "vxlan", "antrea");
    });
    on_host(|host| {
        host.conf("10-ovn-kubernetes.conf", "ovn-kubernetes", &["ovn-k8s-cni-overlay"]);
        let conf = r#"{"cniVersion":"0.4.0","name":"ovn-kubernetes","type":"ovn-k8s-cni-overlay"}"#;
        host.file("/etc/cni/net.d/10-ovn-kubernetes.conf", conf);
        host.tap("ovn-k8s-mp0", "10.244.1.2/24");
        host.process("ovnkube", &[]);
        expect(host, Cni::OvnKubernetes, Confidence::Medium, "local", "ovn-kubernetes");
    });
    on_host(|host| {
        host.conf("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"]);
        host.tap("ovn0", "100.64.0.2/16");
        host.process("kube-ovn-daemon", &[]);
        host.listens("/run/openvswitch/kube-ovn-daemon.sock");
        expect(host, Cni::KubeOvn, Confidence::Medium, "underlay", "kube-ovn");
    });
}

/// Its configuration names the plug-in `bridge` and no bridge; the kernel names it.
#[test]
fn kube_router() {
    on_host(|host| {
        host.conf("10-kuberouter.conflist", "mynet", &["bridge/host-local"]);
        host.bridge("kube-bridge", nodes::VETH);
        host.iptables(Flavour::Nft, "filter", &[":KUBE-POD-FW-A1B2C3 - [0:0]"]);
        host.process("kube-router", &["--run-router=true"]);
        let told = host.verdict().datapath;
        assert_eq!((told.cni, told.mode.as_str()), (Cni::KubeRouter, "bgp"), "{told:#?}");
        assert_eq!(
            (told.confidence, told.policy_engine.as_str()),
            (Confidence::High, "kube-router")
        );
        assert!(told.issues.is_empty(), "{:#?}", told.issues);
    });
}

#[test]
fn azure_by_itself_and_with_cilium() {
    on_host(|host| {
        nodes::azure(host);
        expect_traced(host, Cni::AzureCni, "transparent", "none");
    });
    on_host(|host| {
        nodes::azure(host);
        std::fs::remove_file("/etc/cni/net.d/10-azure.conflist").unwrap();
        let chain = ["azure-vnet/azure-cns", "cilium-cni"];
        host.conf("05-azure-chained-cilium.conflist", "azure", &chain);
        for it in nodes::AZV {
            host.attach(it, nodes::TCX_IN, "cil_from_container");
        }
        host.process("cilium-agent", &[]);
        expect_traced(host, Cni::AzureCniCilium, "chained", "cilium");
    });
    on_host(|host| {
        nodes::cilium(host);
        host.conf("05-cilium.conflist", "cilium", &["cilium-cni/azure-ipam"]);
        host.process("azure-cns", &[]);
        expect_traced(host, Cni::AzureCniCilium, "powered-by-cilium", "cilium");
    });
}

#[test]
fn gke_dataplane_v2() {
    on_host(|host| {
        nodes::gke(host);
        let verdict = expect_traced(host, Cni::GkeDataplaneV2, "ptp", "cilium");
        assert_eq!(verdict.datapath.modes["attach"], "tc");
    });
}

#[test]
fn weave() {
    on_host(|host| {
        host.conf("10-weave.conflist", "weave", &["weave-net", "portmap"]);
        host.bridge("weave", nodes::VETH);
        host.ip("link add vxlan-6784 type vxlan external dstport 6784");
        host.iptables(Flavour::Nft, "filter", &[":WEAVE-NPC - [0:0]"]);
        host.process("weaver", &[]);
        host.answers(6784, 200, "");
        expect_traced(host, Cni::Weave, "fastdp", "weave");
    });
}

#[test]
fn a_plain_bridge() {
    on_host(|host| {
        host.conf("10-bridge.conflist", "mynet", &["bridge/host-local", "portmap"]);
        host.bridge("cni0", nodes::VETH);
        expect_traced(host, Cni::Bridge, "bridge", "none");
    });
}

#[test]
fn a_node_without_pods_and_configuration_has_none() {
    on_host(|host| {
        let told = host.verdict().datapath;
        assert_eq!((told.cni, told.next_pod), (Cni::None, Cni::None), "{told:#?}");
        assert!(told.issues.is_empty(), "{:#?}", told.issues);
    });
}
