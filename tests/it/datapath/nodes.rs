//! Nodes as each CNI makes them, from `cni-fingerprints.md` § 2 and § 3: what the cases begin with.

use super::host::{Flavour, Host};
use super::kernel::{Hook, Way};

pub(super) const TCX_IN: Hook = Hook::Tcx(Way::In);
pub(super) const TCX_OUT: Hook = Hook::Tcx(Way::Out);

pub(super) const LXC: [&str; 2] = ["lxc0a1b2c3d4e5f", "lxc1a1b2c3d4e5f"];
pub(super) const ENI: [&str; 2] = ["eni0a1b2c3d4e5", "eni1a1b2c3d4e5"];
pub(super) const CALI: [&str; 2] = ["cali0a1b2c3d4e5", "cali1a1b2c3d4e5"];
pub(super) const AZV: [&str; 2] = ["azv0a1b2c3d4e5", "azv1a1b2c3d4e5"];
pub(super) const VETH: [&str; 2] = ["veth0a1b2c3d", "veth1a1b2c3d"];

/// Addresses of the pods of [`pods`].
pub(super) const ADDRESSES: [&str; 2] = ["10.0.1.10", "10.0.1.11"];

/// A pod behind each link, with a route to it.
fn pods(host: &mut Host, links: [&str; 2]) {
    for (link, address) in links.into_iter().zip(ADDRESSES) {
        host.pod(link, address);
    }
}

/// Cilium's configuration, router and programs on the uplink; nobody runs.
pub(super) fn cilium_kernel(host: &mut Host) {
    host.ip("link add cilium_host type veth peer name cilium_net");
    host.ip(
        "link set cilium_host up\nlink set cilium_net up\naddr add 10.0.1.1/32 dev cilium_host",
    );
    host.attach("cilium_host", TCX_IN, "cil_to_host");
    host.attach("cilium_host", TCX_OUT, "cil_from_host");
    host.attach("eth0", TCX_IN, "cil_from_netdev");
    host.pinned_map("/sys/fs/bpf/tc/globals/cilium_lxc");
}

/// Cilium's agent, alive and well, and its configuration.
pub(super) fn cilium_agent(host: &mut Host) {
    host.conf("05-cilium.conflist", "cilium", &["cilium-cni"]);
    host.process("cilium-agent", &[]);
    host.answers(9879, 200, "ok");
}

/// Its programs that translate Services.
pub(super) fn cilium_socket_lb(host: &mut Host) {
    host.cgroup(Hook::Connect4, "cil_sock4_connect");
    host.cgroup(Hook::PostBind4, "cil_sock4_post_bind");
}

/// Cilium with VXLAN, tcx, kube-proxy replaced and endpoint routes.
pub(super) fn cilium(host: &mut Host) {
    cilium_kernel(host);
    cilium_agent(host);
    cilium_socket_lb(host);
    host.vxlan("cilium_vxlan", 1, 8472);
    host.attach("cilium_vxlan", TCX_IN, "cil_from_overlay");
    pods(host, LXC);
    for it in LXC {
        host.attach(it, TCX_IN, "cil_from_container");
    }
}

/// The rules of Cilium's ENI mode for a pod.
pub(super) fn eni_rules(host: &mut Host, address: &str) {
    host.ip(&format!(
        "rule add to {address} lookup main priority 20\nrule add from {address} lookup 11 priority 111"
    ));
}

/// Cilium in ENI mode, its programs by tc filters as up to Linux 6.5.
pub(super) fn cilium_eni(host: &mut Host) {
    cilium_kernel(host);
    cilium_agent(host);
    pods(host, LXC);
    for link in LXC {
        host.filter(link, Way::In, 1, &format!("cil_from_container-{link}"), "cil_from_container");
    }
    host.ip("rule add lookup local priority 100\nrule del lookup local priority 0");
    for it in ADDRESSES {
        eni_rules(host, it);
    }
}

/// The rule of the AWS VPC CNI to a pod.
pub(super) fn aws_rule(host: &mut Host, address: &str) {
    host.ip(&format!("rule add to {address} lookup main priority 512"));
}

/// Links, routes and rules of the AWS VPC CNI, its configuration and its agent.
pub(super) fn aws(host: &mut Host) {
    host.conf("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni", "portmap"]);
    pods(host, ENI);
    for it in ADDRESSES {
        aws_rule(host, it);
    }
    host.process("aws-k8s-agent", &[]);
}

/// What it keeps in netfilter where it translates by itself.
pub(super) fn aws_netfilter(host: &mut Host, flavour: Flavour) -> bool {
    host.ip("rule add fwmark 0x80/0x80 lookup main priority 1024");
    host.iptables(
        flavour,
        "nat",
        &[
            ":AWS-SNAT-CHAIN-0 - [0:0]",
            ":AWS-CONNMARK-CHAIN-0 - [0:0]",
            r#"-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0"#,
        ],
    )
}

/// Its network policy agent: programs without a name, the directions crossed.
pub(super) fn aws_policy(host: &mut Host) {
    for link in ENI {
        host.filter(link, Way::Out, 1, "handle_ingress", "");
        host.filter(link, Way::In, 1, "handle_egress", "");
    }
    host.process("controller", &["--enable-ipv6=false", "--enable-network-policy=true"]);
    host.answers(8163, 200, "ok");
}

/// Cilium chained behind it, on the links of these pods.
pub(super) fn aws_chained(host: &mut Host, managed: &[&str]) {
    aws(host);
    let chain = ["aws-cni", "egress-cni", "portmap", "cilium-cni"];
    host.conf("05-cilium.conflist", "aws-cni", &chain);
    host.process("cilium-agent", &[]);
    host.answers(9879, 200, "ok");
    for link in managed {
        host.attach(link, TCX_IN, "cil_from_container");
    }
}

/// Calico's configuration and agent.
pub(super) fn calico_node(host: &mut Host) {
    host.conf("10-calico.conflist", "k8s-pod-network", &["calico/calico-ipam", "portmap"]);
    host.process("calico-node", &["-felix"]);
    host.answers(9099, 200, "");
}

/// The same with pods, and VXLAN between the nodes.
pub(super) fn calico(host: &mut Host) {
    calico_node(host);
    pods(host, CALI);
    host.vxlan("vxlan.calico", 4096, 4789);
    host.ip("addr add 10.0.1.0/32 dev vxlan.calico");
}

/// Its chains, as iptables makes them.
pub(super) fn calico_chains(host: &mut Host, flavour: Flavour) -> bool {
    let jump = "-A FORWARD -m comment --comment cali:wUHhoiAYhphO9Mso -j cali-FORWARD";
    host.iptables(flavour, "filter", &[":cali-FORWARD - [0:0]", jump])
}

/// Its tables in nftables mode.
pub(super) fn calico_tables(host: &mut Host) {
    let chain = "chain filter-FORWARD { type filter hook forward priority 0; policy accept; }";
    host.nft(&format!("table ip calico {{ {chain}; }}\ntable ip6 calico {{ {chain}; }}"));
}

/// Its eBPF datapath, by tcx.
pub(super) fn calico_ebpf(host: &mut Host) {
    calico(host);
    host.ip("link add bpfin.cali type veth peer name bpfout.cali");
    host.ip("link set bpfin.cali up\nlink set bpfout.cali up");
    for link in [CALI[0], CALI[1], "eth0"] {
        host.attach(link, TCX_IN, "cali_tc_preamble");
        host.attach(link, TCX_OUT, "cali_tc_preamble");
    }
    host.cgroup(Hook::Connect4, "calico_connect_v4");
}

/// Flannel's VXLAN to another node, and its chain.
pub(super) fn flannel_overlay(host: &mut Host) {
    host.vxlan("flannel.1", 1, 8472);
    host.ip("addr add 10.42.0.0/32 dev flannel.1");
    host.ip("route add 10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink");
}

pub(super) fn flannel_chain(host: &mut Host, flavour: Flavour) -> bool {
    let jump = "-A POSTROUTING -j FLANNEL-POSTRTG";
    host.iptables(flavour, "nat", &[":FLANNEL-POSTRTG - [0:0]", jump])
}

pub(super) fn flannel(host: &mut Host) {
    host.conf("10-flannel.conflist", "cbr0", &["flannel", "portmap"]);
    host.bridge("cni0", VETH);
    flannel_overlay(host);
    flannel_chain(host, Flavour::Nft);
    host.process("flanneld", &[]);
}

pub(super) fn canal(host: &mut Host) {
    host.conf("10-canal.conflist", "k8s-pod-network", &["calico/host-local", "portmap"]);
    pods(host, CALI);
    flannel_overlay(host);
    calico_chains(host, Flavour::Nft);
    host.process("calico-node", &["-felix"]);
    host.process("flanneld", &[]);
}

/// kind's own: pairs of `ptp`, a route each, no bridge, no eBPF.
pub(super) fn kindnet(host: &mut Host) {
    host.conf("10-kindnet.conflist", "kindnet", &["ptp/host-local", "portmap"]);
    pods(host, VETH);
    host.iptables(
        Flavour::Nft,
        "nat",
        &[":KIND-MASQ-AGENT - [0:0]", "-A POSTROUTING -j KIND-MASQ-AGENT"],
    );
    host.nft("table inet kindnet-network-policies { chain postrouting { type filter hook postrouting priority 95; policy accept; }; }");
    host.process("kindnetd", &[]);
}

pub(super) fn azure(host: &mut Host) {
    host.conf("10-azure.conflist", "azure", &["azure-vnet/azure-cns", "portmap"]);
    pods(host, AZV);
    host.process("azure-cns", &[]);
}

/// Dataplane V2: Cilium's programs (`anetd`) on pairs of `ptp`.
pub(super) fn gke(host: &mut Host) {
    let plugins = ["ptp/host-local", "portmap", "bandwidth", "cilium-cni"];
    host.conf("10-gke-ptp.conflist", "gke-pod-network", &plugins);
    pods(host, ["gke0a1b2c3d4e5", VETH[1]]);
    for link in ["gke0a1b2c3d4e5", VETH[1]] {
        host.filter(link, Way::In, 1, "cil_from_container-gke", "cil_from_container");
    }
    host.process("cilium-agent", &[]);
    host.answers(9879, 200, "ok");
}

/// kube-proxy's rules in iptables mode; nobody runs.
pub(super) fn kube_proxy_rules(host: &mut Host, flavour: Flavour) -> bool {
    let comment = r#"-m comment --comment "kubernetes service portals""#;
    host.iptables(
        flavour,
        "nat",
        &[
            ":KUBE-SERVICES - [0:0]",
            ":KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]",
            &format!("-A PREROUTING {comment} -j KUBE-SERVICES"),
            &format!("-A OUTPUT {comment} -j KUBE-SERVICES"),
            "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y",
        ],
    )
}

/// kube-proxy's table in nftables mode; nobody runs.
pub(super) fn kube_proxy_table(host: &mut Host) {
    host.nft(
        "table ip kube-proxy {
            map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
            chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
            chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
            chain nat-output { type nat hook output priority -100; jump services; }
        }",
    );
}

/// kube-proxy, alive, in this mode.
pub(super) fn kube_proxy(host: &mut Host, mode: &str) {
    host.process("kube-proxy", &["--config=/var/lib/kube-proxy/config.conf"]);
    host.answers(10256, 200, "");
    host.answers(10249, 200, mode);
}
