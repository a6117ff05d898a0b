//! Nodes as each CNI makes them, from `cni-fingerprints.md` § 2 and § 3: what the tests begin with.

use crate::facts::agents::Endpoint;
use crate::facts::firewall::Family;
use crate::facts::hooks::{CgroupHook, Direction};
use crate::judge::datapath::tests::host::Host;

const IN: Direction = Direction::Ingress;
const OUT: Direction = Direction::Egress;

/// The links of three pods of the AWS VPC CNI.
pub(super) const ENI: [&str; 3] = ["eni0a1b2c3d4e5", "eni1a1b2c3d4e5", "eni2a1b2c3d4e5"];

/// Three pods on `links`, each with a route to its pair.
fn routed(mut host: Host, links: [&str; 3], kind: &str) -> Host {
    for (number, link) in links.into_iter().enumerate() {
        let address = format!("10.0.1.{}", number + 10);
        host = host.link(link, kind).route(&format!("{address}/32"), link);
        host = host.pod(&format!("pod-{number}"), &address);
    }
    host
}

/// Two pods on a bridge.
fn bridged(host: Host, bridge: &str) -> Host {
    let host =
        host.link(bridge, "bridge").route("10.42.0.0/24", bridge).address(bridge, "10.42.0.1/24");
    host.port("veth0a1b2c3d", "veth", bridge)
        .port("veth1a1b2c3d", "veth", bridge)
        .pod("pod-0", "10.42.0.5")
        .pod("pod-1", "10.42.0.6")
}

/// Two pods that are ports of Open vSwitch.
fn switched(host: Host, gateway: &str) -> Host {
    let host = host.link("ovs-system", "openvswitch").link(gateway, "openvswitch");
    host.route("10.244.1.0/24", gateway)
        .port("web-0-a1b2c3", "veth", "ovs-system")
        .port("web-1-a1b2c3", "veth", "ovs-system")
        .pod("pod-0", "10.244.1.5")
        .pod("pod-1", "10.244.1.6")
        .process("ovs-vswitchd")
}

/// kube-proxy in iptables mode, alive.
pub(super) fn kube_proxy(host: Host) -> Host {
    kube_proxy_rules(host)
        .process("kube-proxy")
        .answers(Endpoint::KubeProxyHealthz, 200, "")
        .answers(Endpoint::KubeProxyMode, 200, "iptables")
}

pub(super) fn kube_proxy_rules(host: Host) -> Host {
    host.jump("nat", "PREROUTING", "KUBE-SERVICES")
        .jump("nat", "OUTPUT", "KUBE-SERVICES")
        .chain("nat", "KUBE-SERVICES")
        .chain("nat", "KUBE-SVC-NPX46M4PTMTKRN6Y")
}

/// Cilium's configuration, router and programs on the uplink.
fn cilium_base(host: Host) -> Host {
    host.conf("05-cilium.conflist", "cilium", &["cilium-cni"])
        .link("cilium_net", "veth")
        .link("cilium_host", "veth")
        .address("cilium_host", "10.0.1.1/32")
        .tcx("cilium_host", IN, "cil_to_host")
        .tcx("cilium_host", OUT, "cil_from_host")
        .tcx("eth0", IN, "cil_from_netdev")
}

/// Cilium with VXLAN, kube-proxy replaced, tcx; endpoint routes, so that pods have one each.
pub(super) fn cilium() -> Host {
    let links = ["lxc0a1b2c3d4e5f", "lxc1a1b2c3d4e5f", "lxc2a1b2c3d4e5f"];
    let host = routed(cilium_base(Host::new()), links, "veth").link("cilium_vxlan", "vxlan");
    let host = links.into_iter().fold(host, |host, link| host.tcx(link, IN, "cil_from_container"));
    host.tcx("cilium_vxlan", IN, "cil_from_overlay")
        .cgroup(CgroupHook::CgroupInet4Connect, "cil_sock4_connect")
        .cgroup(CgroupHook::CgroupInet4PostBind, "cil_sock4_post_bind")
        .cilium(|it| {
            it.inter_host_routing = Some("Tunnel".into());
            it.tunnel_protocol = Some("vxlan".into());
            it.intra_host_routing = Some("BPF".into());
        })
}

/// Cilium in ENI mode: rules 20, 110 and 111, tables of 10 and the interface's number. The agent's
/// own addresses have such rules, too.
pub(super) fn cilium_eni() -> Host {
    let links = ["lxc0a1b2c3d4e5f", "lxc1a1b2c3d4e5f", "lxc2a1b2c3d4e5f"];
    let host = routed(cilium_base(Host::new()), links, "veth").rule(100, None, None, 255);
    let host = links.into_iter().fold(host, |host, link| host.tcx(link, IN, "cil_from_container"));
    let given = [
        ("10.0.1.10", "default/pod-0"),
        ("10.0.1.11", "default/pod-1"),
        ("10.0.1.12", "default/pod-2"),
        ("10.0.1.1", "router"),
        ("10.0.1.2", "health"),
        ("10.0.1.3", "ingress"),
    ];
    let host = given.iter().fold(host, |host, it| eni_rules(host, it.0));
    host.cilium(|it| {
        it.inter_host_routing = Some("Native".into());
        it.allocations = given.map(|it| (it.0.into(), it.1.into())).into();
    })
}

/// The rules of Cilium's ENI mode for an address.
pub(super) fn eni_rules(host: Host, address: &str) -> Host {
    let prefix = format!("{address}/32");
    host.rule(20, None, Some(&prefix), 254).rule(111, Some(&prefix), None, 11)
}

/// The AWS VPC CNI with rules and chains, and without policies.
pub(super) fn aws() -> Host {
    let host = routed(Host::new(), ENI, "veth").conf(
        "10-aws.conflist",
        "aws-cni",
        &["aws-cni", "egress-cni", "portmap"],
    );
    let rule = |host: Host, pod: &&str| host.rule(512, None, Some(pod), 254);
    let host = ["10.0.1.10/32", "10.0.1.11/32", "10.0.1.12/32"].iter().fold(host, rule);
    host.mark_rule(1024, 0x80, 0x80, 254)
        .chain("nat", "AWS-SNAT-CHAIN-0")
        .chain("nat", "AWS-CONNMARK-CHAIN-0")
        .process("aws-k8s-agent")
}

/// The same with its network policy agent: nameless programs, and the directions crossed.
pub(super) fn aws_with_policy() -> Host {
    let filters = |host: Host, link: &str| {
        host.tc(link, OUT, 1, "handle_ingress", "").tc(link, IN, 1, "handle_egress", "")
    };
    ENI.into_iter().fold(aws(), filters).answers(Endpoint::AwsPolicyAgent, 200, "")
}

/// Cilium chained behind the AWS VPC CNI.
pub(super) fn aws_chained() -> Host {
    let chain = ["aws-cni", "egress-cni", "portmap", "cilium-cni"];
    let host = aws().conf("05-cilium.conflist", "aws-cni", &chain);
    let host = ENI.into_iter().fold(host, |host, link| host.tcx(link, IN, "cil_from_container"));
    host.cilium(|it| it.cni_chaining = Some("aws-cni".into()))
}

const CALI: [&str; 3] = ["cali0a1b2c3d4e5", "cali1a1b2c3d4e5", "cali2a1b2c3d4e5"];

/// Calico in iptables mode with VXLAN.
pub(super) fn calico() -> Host {
    routed(Host::new(), CALI, "veth")
        .conf("10-calico.conflist", "k8s-pod-network", &["calico/calico-ipam", "portmap"])
        .link("vxlan.calico", "vxlan")
        .address("vxlan.calico", "10.0.1.0/32")
        .chain("filter", "cali-FORWARD")
        .ipset("cali40all-hosts-net")
        .process("calico-node")
}

/// Calico in eBPF mode, by tcx or on netkit pairs.
pub(super) fn calico_ebpf(kind: &str) -> Host {
    let host = routed(Host::new(), CALI, kind)
        .conf("10-calico.conflist", "k8s-pod-network", &["calico/calico-ipam", "portmap"])
        .link("bpfin.cali", "veth")
        .link("bpfout.cali", "veth")
        .cgroup(CgroupHook::CgroupInet4Connect, "calico_connect_v4")
        .process("calico-node");
    CALI.into_iter().fold(host, |host, link| match kind {
        "netkit" => host.netkit(link, OUT, "cali_tc_preamble"),
        _ => host.tcx(link, IN, "cali_tc_preamble"),
    })
}

pub(super) fn canal() -> Host {
    routed(Host::new(), CALI, "veth")
        .conf("10-canal.conflist", "k8s-pod-network", &["calico/host-local", "portmap"])
        .link("flannel.1", "vxlan")
        .route("10.244.2.0/24", "flannel.1")
        .chain("filter", "cali-FORWARD")
        .process("calico-node")
        .process("flanneld")
}

pub(super) fn flannel() -> Host {
    bridged(Host::new(), "cni0")
        .conf("10-flannel.conflist", "cbr0", &["flannel", "portmap"])
        .link("flannel.1", "vxlan")
        .route("10.42.1.0/24", "flannel.1")
        .chain("nat", "FLANNEL-POSTRTG")
        .process("flanneld")
}

/// kind's own: random names, a route each, no bridge, no eBPF.
pub(super) fn kindnet() -> Host {
    routed(Host::new(), ["veth0a1b2c3d", "veth1a1b2c3d", "veth2a1b2c3d"], "veth")
        .conf("10-kindnet.conflist", "kindnet", &["ptp/host-local", "portmap"])
        .chain("nat", "KIND-MASQ-AGENT")
        .nft(Family::Inet, "kindnet-network-policies")
        .process("kindnetd")
}

pub(super) fn antrea() -> Host {
    switched(Host::new(), "antrea-gw0")
        .conf("10-antrea.conflist", "antrea", &["antrea", "portmap", "bandwidth"])
        .link("genev_sys_6081", "geneve")
        .process("antrea-agent")
}

/// Antrea as policy engine on AWS's pairs, which are ports of its switch.
pub(super) fn antrea_policy_only() -> Host {
    Host::new()
        .conf("05-antrea.conflist", "aws-cni", &["aws-cni", "portmap", "antrea"])
        .link("ovs-system", "openvswitch")
        .link("antrea-gw0", "openvswitch")
        .port(ENI[0], "veth", "ovs-system")
        .port(ENI[1], "veth", "ovs-system")
        .route("10.0.1.10/32", ENI[0])
        .route("10.0.1.11/32", ENI[1])
        .pod("pod-0", "10.0.1.10")
        .pod("pod-1", "10.0.1.11")
        .process("antrea-agent")
        .process("ovs-vswitchd")
}

pub(super) fn ovn_kubernetes() -> Host {
    switched(Host::new(), "ovn-k8s-mp0")
        .conf("10-ovn-kubernetes.conf", "ovn-kubernetes", &["ovn-k8s-cni-overlay"])
        .link("genev_sys_6081", "geneve")
        .process("ovnkube")
}

pub(super) fn kube_ovn() -> Host {
    switched(Host::new(), "ovn0")
        .conf("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"])
        .link("genev_sys_6081", "geneve")
        .process("kube-ovn-daemon")
}

pub(super) fn kube_router() -> Host {
    bridged(Host::new(), "kube-bridge")
        .conf("10-kuberouter.conflist", "mynet", &["bridge/host-local"])
        .link("kube-dummy-if", "dummy")
        .chain("filter", "KUBE-POD-FW-A1B2C3")
        .ipvs(4)
        .process("kube-router")
}

const AZV: [&str; 3] = ["azv0a1b2c3d4e5", "azv1a1b2c3d4e5", "azv2a1b2c3d4e5"];

pub(super) fn azure() -> Host {
    routed(Host::new(), AZV, "veth")
        .conf("10-azure.conflist", "azure", &["azure-vnet/azure-cns", "portmap"])
        .process("azure-cns")
}

/// Azure CNI powered by Cilium: Cilium's links, Azure's addresses.
pub(super) fn azure_powered_by_cilium() -> Host {
    let mut host = cilium();
    host.facts.cni.files = crate::facts::Observed::Known(Some(Vec::new()));
    host.conf("05-cilium.conflist", "cilium", &["cilium-cni/azure-ipam"]).process("azure-cns")
}

/// Cilium chained behind Azure CNI.
pub(super) fn azure_chained() -> Host {
    let host = routed(Host::new(), AZV, "veth").conf(
        "05-azure-chained-cilium.conflist",
        "azure",
        &["azure-vnet/azure-cns", "cilium-cni"],
    );
    let host = AZV.into_iter().fold(host, |host, link| host.tcx(link, IN, "cil_from_container"));
    host.cilium(|_| ())
}

pub(super) fn gke() -> Host {
    let links = ["gke0a1b2c3d4e5", "veth1a1b2c3d", "veth2a1b2c3d"];
    let host = routed(Host::new(), links, "veth").conf(
        "10-gke-ptp.conflist",
        "gke-pod-network",
        &["ptp/host-local", "portmap", "cilium-cni"],
    );
    let host = links.into_iter().fold(host, |host, link| {
        host.tc(link, IN, 1, "cil_from_container-gke", "cil_from_container")
    });
    host.cilium(|it| it.kube_proxy_replacement = Some("True".into()))
}

pub(super) fn weave() -> Host {
    bridged(Host::new(), "weave")
        .conf("10-weave.conflist", "weave", &["weave-net", "portmap"])
        .link("datapath", "openvswitch")
        .link("vxlan-6784", "vxlan")
        .chain("filter", "WEAVE-NPC")
        .process("weaver")
        .process("ovs-vswitchd")
}

pub(super) fn bridge() -> Host {
    bridged(Host::new(), "cni0").conf(
        "10-bridge.conflist",
        "mynet",
        &["bridge/host-local", "portmap"],
    )
}
