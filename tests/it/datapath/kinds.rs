//! What this machine's kernel has not: kinds of link, Open vSwitch, IPVS. Each is tried, and said
//! aloud to be skipped. `cargo xtask kernels datapath` runs them on a kernel that has all, where
//! to be skipped is to fail.

use std::collections::BTreeMap;

use bpfready::facts::links::{Link, LinkData, NetkitMode};
use bpfready::judge::report::{Cni, Confidence, DatapathVerdict, ProxyMode};

use super::expect_issues;
use super::host::{Flavour, Host, on_host};
use super::kernel::Hook;
use super::nodes::{self, ADDRESSES, CALI, LXC, VETH};
use super::switch::Port;

/// The CNI of present and next pods is this one, surely, in this mode; the links are of these kinds.
#[track_caller]
fn expect(
    host: &Host,
    (cni, mode): (Cni, &str),
    kinds: &[(&str, &str)],
) -> (DatapathVerdict, BTreeMap<String, Link>) {
    let (verdict, links) = host.seen();
    let links: BTreeMap<_, _> = links.into_iter().map(|it| (it.name.clone(), it)).collect();
    for (name, kind) in kinds {
        assert_eq!(links[*name].kind.as_deref(), Some(*kind), "{:#?}", links[*name]);
    }
    let told = verdict.datapath;
    assert_eq!((told.cni, told.next_pod, told.mode.as_str()), (cni, cni, mode), "{told:#?}");
    assert_eq!((told.pods.seen, told.pods.traced), (2, 2), "{told:#?}");
    assert_eq!(told.confidence, Confidence::High, "{told:#?}");
    assert!(told.issues.is_empty(), "{told:#?}");
    (told, links)
}

#[test]
fn cilium_by_geneve_and_wireguard() {
    on_host(|host| {
        nodes::cilium_kernel(host);
        nodes::cilium_agent(host);
        for (link, address) in LXC.into_iter().zip(ADDRESSES) {
            host.pod(link, address);
            host.attach(link, nodes::TCX_IN, "cil_from_container");
        }
        if !host.has_link("cilium_geneve", "geneve external dstport 6081") {
            return;
        }
        host.has_link("cilium_wg0", "wireguard");
        host.ip("link set cilium_geneve up\nlink set cilium_wg0 up");
        let kinds = [("cilium_geneve", "geneve"), ("cilium_wg0", "wireguard")];
        let (told, links) = expect(host, (Cni::Cilium, "geneve"), &kinds);
        assert_eq!(told.modes["encryption"], "wireguard", "{told:#?}");
        let Some(LinkData::Geneve(tunnel)) = &links["cilium_geneve"].data else {
            panic!("{links:#?}")
        };
        assert_eq!((tunnel.port, tunnel.collects_metadata), (Some(6081), true), "{tunnel:?}");
    });
}

/// Its programs are on both ends of each pair, asked for at the host's.
#[test]
fn cilium_by_netkit() {
    on_host(|host| {
        nodes::cilium_kernel(host);
        nodes::cilium_agent(host);
        for (link, address) in LXC.into_iter().zip(ADDRESSES) {
            if !host.has_netkit_pod(link, address) {
                return;
            }
            host.attach(link, Hook::NetkitPeer, "cil_from_container");
            host.attach(link, Hook::NetkitPrimary, "cil_to_container");
        }
        let (told, links) = expect(host, (Cni::Cilium, "native"), &LXC.map(|it| (it, "netkit")));
        assert_eq!(told.modes["device"], "netkit", "{told:#?}");
        let Some(LinkData::Netkit(data)) = &links[LXC[0]].data else { panic!("{links:#?}") };
        assert!(data.is_primary && data.mode == NetkitMode::L3, "{data:?}");
    });
}

/// § 9, case 15: neither the kind nor the hook is Cilium's alone.
#[test]
fn case_15_a_netkit_pair_by_calicos_name_is_calicos() {
    on_host(|host| {
        nodes::calico_node(host);
        for (link, address) in CALI.into_iter().zip(ADDRESSES) {
            if !host.has_netkit_pod(link, address) {
                return;
            }
            host.attach(link, Hook::NetkitPeer, "cali_tc_preamble");
        }
        let (told, _) = expect(host, (Cni::Calico, "ebpf"), &CALI.map(|it| (it, "netkit")));
        assert_eq!(told.modes["device"], "netkit", "{told:#?}");
    });
}

#[test]
fn calico_by_ipip_and_wireguard() {
    on_host(|host| {
        nodes::calico(host);
        nodes::calico_chains(host, Flavour::Nft);
        host.ip("link del vxlan.calico");
        if !host.has_link("tunl0", "ipip local any remote any") {
            return;
        }
        host.has_link("wireguard.cali", "wireguard");
        host.ip("addr add 10.0.1.1/32 dev tunl0\nlink set tunl0 up");
        host.ip("route add 10.0.2.0/26 via 10.0.0.11 dev tunl0 onlink proto bird");
        host.ip("addr add 10.0.1.2/32 dev wireguard.cali\nlink set wireguard.cali up");
        let kinds = [("tunl0", "ipip"), ("wireguard.cali", "wireguard")];
        let (told, links) = expect(host, (Cni::Calico, "iptables"), &kinds);
        assert_eq!(told.modes["encapsulation"], "ipip", "{told:#?}");
        assert_eq!(told.modes["encryption"], "wireguard", "{told:#?}");
        assert!(matches!(links["tunl0"].data, Some(LinkData::Ip { remote: None, .. })));
    });
}

#[test]
fn flannels_backends_are_told_by_the_kind_of_its_device() {
    let backends = [
        ("flannel.ipip", "ipip", "ipip local 10.0.0.10 remote any dev eth0"),
        ("flannel-wg", "wireguard", "wireguard"),
    ];
    for (device, kind, words) in backends {
        on_host(|host| {
            host.conf("10-flannel.conflist", "cbr0", &["flannel", "portmap"]);
            host.bridge("cni0", VETH);
            host.process("flanneld", &[]);
            if !host.has_link(device, words) {
                return;
            }
            host.ip(&format!("addr add 10.42.0.0/32 dev {device}\nlink set {device} up"));
            host.ip(&format!("route add 10.42.1.0/24 dev {device}"));
            expect(host, (Cni::Flannel, kind), &[(device, kind)]);
        });
    }
}

/// Pods are ports of Open vSwitch, and so is the device of the tunnel.
#[test]
fn switches_whose_pods_are_ports() {
    let switches = [
        (Cni::Antrea, "antrea", "antrea", "antrea-gw0", "antrea-agent"),
        (Cni::OvnKubernetes, "ovn-kubernetes", "ovn-k8s-cni-overlay", "ovn-k8s-mp0", "ovnkube"),
        (Cni::KubeOvn, "kube-ovn", "kube-ovn", "ovn0", "kube-ovn-daemon"),
    ];
    for (cni, network, plugin, gateway, agent) in switches {
        on_host(|host| {
            if !host.has_switch() {
                return;
            }
            host.conf("10-switch.conflist", network, &[plugin, "portmap"]);
            host.port(Port::Internal, gateway);
            host.ip(&format!("addr add 10.244.1.1/24 dev {gateway}\nlink set {gateway} up"));
            host.has_link("genev_sys_6081", "geneve external dstport 6081");
            host.port(Port::Netdev, "genev_sys_6081");
            for link in VETH {
                host.pair(link);
                host.port(Port::Netdev, link);
            }
            host.process(agent, &[]);
            let kinds = [
                ("ovs-system", "openvswitch"),
                (gateway, "openvswitch"),
                ("genev_sys_6081", "geneve"),
            ];
            let (_, links) = expect(host, (cni, "geneve"), &kinds);
            let port = &links[VETH[0]];
            assert_eq!(port.port_kind.as_deref(), Some("openvswitch"), "{port:#?}");
            assert_eq!(port.master, Some(links["ovs-system"].index), "{port:#?}");
        });
    }
}

#[test]
fn services_by_ipvs_are_the_one_whose_dummy_is_there() {
    let translators = [
        ("kube-ipvs0", "kube-proxy", "kube-proxy"),
        ("kube-dummy-if", "kube-router", "kube-router"),
    ];
    for (dummy, agent, owner) in translators {
        on_host(|host| {
            nodes::calico(host);
            if !host.has_ipvs_service("10.96.0.1:443") || !host.has_link(dummy, "dummy") {
                return;
            }
            host.ip(&format!("addr add 10.96.0.1/32 dev {dummy}"));
            host.process(agent, &["--run-service-proxy=true"]);
            if agent == "kube-proxy" {
                host.answers(10256, 200, "");
                host.answers(10249, 200, "ipvs");
            }
            let (verdict, links) = host.seen();
            assert!(links.iter().any(|it| it.name == dummy && it.kind.as_deref() == Some("dummy")));
            let told = verdict.service_proxy;
            let got = (told.mode, told.owner.as_str(), told.confidence);
            assert_eq!(got, (ProxyMode::Ipvs, owner, Confidence::High), "{told:#?}");
        });
    }
}

/// § 9, case 12.
#[test]
fn case_12_bare_links_are_leftovers_and_no_datapath() {
    on_host(|host| {
        let links = [
            ("tunl0", "ipip local any remote any", "tunl0-unused"),
            ("kube-ipvs0", "dummy", "kube-ipvs0-left"),
        ];
        let made = links.into_iter().filter(|it| host.has_link(it.0, it.1));
        let mut want: Vec<&str> = made.map(|it| it.2).collect();
        want.extend(host.has_switch().then_some("ovs-datapath-left"));
        let verdict = host.verdict();
        let told = &verdict.datapath;
        assert_eq!((told.cni, told.next_pod), (Cni::None, Cni::None), "{told:#?}");
        assert_eq!(verdict.service_proxy.mode, ProxyMode::None);
        expect_issues(&verdict, &[], &want);
    });
}

#[test]
fn what_aws_and_ipvs_leave_behind() {
    on_host(|host| {
        nodes::cilium(host);
        let branch = host.has_link("vlan.eth.1 link eth0", "vlan id 1");
        let services = host.has_ipvs_service("10.96.0.1:443");
        let want = [branch.then_some("aws-links-left"), services.then_some("ipvs-services-left")];
        let want: Vec<&str> = want.into_iter().flatten().collect();
        expect_issues(&host.verdict(), &[], &want);
    });
}

#[test]
fn what_stands_in_ciliums_way() {
    on_host(|host| {
        nodes::aws_chained(host, &nodes::ENI);
        let branch = host.has_link("vlan.eth.1 link eth0", "vlan id 1");
        let want = branch.then_some("branch-eni-vlan-filter");
        expect_issues(&host.verdict(), want.as_slice(), &[]);
    });
    on_host(|host| {
        nodes::cilium(host);
        let bypassed = host.has_link("nodelocaldns", "dummy");
        let want = bypassed.then_some("node-local-dns-bypassed");
        expect_issues(&host.verdict(), want.as_slice(), &[]);
    });
}
