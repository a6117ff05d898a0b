//! One composed host for every conflict and every leftover, and that a good host has none.

use super::nodes::{self, ENI};
use crate::facts::cni::{Setting, SettingSource};
use crate::facts::firewall::Family;
use crate::facts::hooks::{CgroupHook, Direction};
use crate::facts::{Facts, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::{Cni, IssueKind, Outcome};

const IN: Direction = Direction::Ingress;

/// The issue is there, with remedy and evidence, and as a finding that fails.
#[track_caller]
fn expect(kind: IssueKind, id: &str, host: Host) {
    let verdict = host.verdict();
    let issues = &verdict.datapath.issues;
    let ids: Vec<&str> = issues.iter().map(|it| it.id.as_str()).collect();
    let issue = issues.iter().find(|it| it.id == id);
    let issue = issue.unwrap_or_else(|| panic!("{id} is not among {ids:?}"));
    assert_eq!(issue.kind, kind, "{id}");
    assert!(!issue.remedy.is_empty() && !issue.evidence.is_empty(), "{issue:#?}");
    let finding = verdict.findings.iter().find(|it| it.rule == id).unwrap();
    assert_eq!((finding.outcome, &finding.remedy), (Outcome::Fail, &issue.remedy), "{id}");
    let sentences = match kind {
        IssueKind::Conflict => &verdict.datapath.conflicts,
        IssueKind::Leftover => &verdict.datapath.leftovers,
    };
    assert!(sentences.contains(&issue.message), "{id}");
}

#[track_caller]
fn leftover(id: &str, host: Host) {
    expect(IssueKind::Leftover, id, host);
}

#[track_caller]
fn conflict(id: &str, host: Host) {
    expect(IssueKind::Conflict, id, host);
}

/// Cilium's programs and configuration, its agent gone.
fn cilium_gone() -> Host {
    let mut host = Host::new()
        .link("cilium_net", "veth")
        .link("cilium_host", "veth")
        .tcx("eth0", IN, "cil_from_netdev")
        .cgroup(CgroupHook::CgroupInet4Connect, "cil_sock4_connect")
        .map_pin("/sys/fs/bpf/tc/globals/cilium_lxc");
    host.facts.agents.sockets.clear();
    host
}

#[test]
fn a_good_host_has_none() {
    for host in [
        nodes::cilium(),
        nodes::cilium_eni(),
        nodes::aws(),
        nodes::aws_chained(),
        nodes::calico(),
        nodes::canal(),
        nodes::kindnet(),
        nodes::antrea(),
        nodes::gke(),
        nodes::azure(),
        nodes::flannel(),
    ] {
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.issues, [], "{}", verdict.datapath.cni);
        for rule in ["datapath-no-conflicts", "datapath-no-leftovers"] {
            let finding = verdict.findings.iter().find(|it| it.rule == rule).unwrap();
            assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
        }
    }
}

#[test]
fn what_the_aws_vpc_cni_leaves() {
    let cilium = nodes::cilium;
    leftover("aws-snat-chains-left", cilium().chain("nat", "AWS-SNAT-CHAIN-0"));
    leftover("aws-nft-table-left", cilium().nft(Family::Ip, "aws-cni"));
    leftover("aws-mangle-rules-left", cilium().comment("mangle", "PREROUTING", "AWS, primary ENI"));
    leftover("aws-routing-rules-left", cilium().mark_rule(1024, 0x80, 0x80, 254));
    leftover("aws-links-left", cilium().link("vlan.eth.1", "vlan"));
    leftover("aws-ipam-file-left", cilium().file("/run/aws-node/ipam.json"));
    leftover("aws-dead-pod-rules-left", nodes::aws().rule(512, None, Some("10.0.1.99/32"), 254));
    let filters = nodes::aws().tc(ENI[0], IN, 1, "handle_egress", "");
    leftover("aws-policy-filters-left", filters);
    leftover(
        "aws-policy-pins-left",
        nodes::aws().map_pin("/sys/fs/bpf/globals/aws/maps/global_aws_conntrack_map"),
    );
}

#[test]
fn what_cilium_leaves() {
    leftover("cilium-programs-left", cilium_gone());
    leftover("cilium-devices-left", cilium_gone());
    leftover("cilium-pins-left", cilium_gone());
    leftover("cilium-chains-left", nodes::aws().chain("filter", "CILIUM_FORWARD"));
    leftover(
        "cilium-eni-rules-left",
        nodes::cilium_eni().rule(111, Some("10.0.1.99/32"), None, 11),
    );
    leftover("cilium-eni-rules-left", nodes::eni_rules(nodes::aws(), "10.0.1.99"));
    leftover("cilium-routing-rules-left", nodes::aws().mark_rule(9, 0x200, 0xf00, 2004));
    let path = "/etc/sysctl.d/99-zzz-override_cilium.conf";
    leftover("cilium-sysctl-left", nodes::aws().file(path));
    let backups = Host::new().renamed("10-aws.conflist.cilium_bak");
    leftover("cilium-backups-left", backups);
}

#[test]
fn programs_of_a_dead_cilium_are_no_datapath() {
    let verdict = cilium_gone().verdict().datapath;
    assert_ne!(verdict.cni, Cni::Cilium);
    assert_ne!(verdict.cni, Cni::None, "its programs still see every packet");
}

#[test]
fn what_calico_leaves() {
    let cilium = nodes::cilium;
    leftover("calico-rules-left", cilium().chain("filter", "cali-FORWARD"));
    leftover("calico-rules-left", cilium().nft(Family::Ip, "calico"));
    leftover("calico-ipsets-left", cilium().ipset("cali40all-hosts-net"));
    leftover("calico-devices-left", cilium().link("bpfin.cali", "veth"));
    leftover("calico-pins-left", cilium().map_pin("/sys/fs/bpf/tc/globals/cali_v4_nat_fe3"));
    leftover(
        "calico-programs-left",
        cilium().cgroup(CgroupHook::CgroupInet4Connect, "calico_connect_v4"),
    );
}

#[test]
fn what_the_others_leave() {
    let calico = nodes::calico;
    leftover("flannel-chains-left", calico().chain("nat", "FLANNEL-POSTRTG"));
    leftover("flannel-devices-left", calico().link("flannel.1", "vxlan"));
    leftover("bridge-left", calico().link("cni0", "bridge"));
    leftover("kindnet-rules-left", calico().chain("nat", "KIND-MASQ-AGENT"));
    leftover("antrea-rules-left", calico().chain("filter", "ANTREA-FORWARD"));
    leftover("ovn-kubernetes-rules-left", calico().nft(Family::Inet, "ovn-kubernetes"));
    leftover("kube-ovn-rules-left", calico().ipset("ovn40services"));
    leftover("kube-router-rules-left", calico().link("kube-dummy-if", "dummy"));
    leftover("weave-rules-left", calico().link("weave", "bridge"));
    leftover("azure-rules-left", calico().chain("nat", "SWIFT-POSTROUTING"));
    leftover("netd-rules-left", calico().chain("mangle", "GCP-PREROUTING"));
    leftover("portmap-rules-left", nodes::cilium().chain("nat", "CNI-HOSTPORT-DNAT"));
    leftover("tunl0-unused", calico().link("tunl0", "ipip"));
    leftover("ovs-datapath-left", calico().link("ovs-system", "openvswitch"));
}

#[test]
fn what_kube_proxy_leaves() {
    leftover("kube-proxy-rules-left", nodes::kube_proxy_rules(nodes::cilium()));
    leftover("kube-proxy-table-left", nodes::cilium().nft(Family::Ip, "kube-proxy"));
    leftover("kube-ipvs0-left", nodes::cilium().link("kube-ipvs0", "dummy"));
    leftover("ipvs-services-left", nodes::calico().ipvs(3));
}

/// `cni.chaining` of Cilium copies it again whenever it changes.
#[test]
fn the_file_that_a_chain_comes_from_must_stay() {
    assert_eq!(nodes::aws_chained().verdict().datapath.issues, []);
    let host = nodes::aws_chained().conf("10-calico.conflist", "k8s-pod-network", &["calico"]);
    leftover("cni-file-waiting", host);
}

#[test]
fn a_file_that_waits_is_worth_a_line() {
    let host = nodes::cilium().conf("10-calico.conflist", "k8s-pod-network", &["calico"]);
    leftover("cni-file-waiting", host);
}

#[test]
fn configurations_that_stop_pods_or_hide_cilium() {
    conflict("cni-first-file-broken", Host::new().broken_conf("00-bad.conflist"));
    let missing = nodes::calico().binaries(&["portmap", "loopback"]);
    assert_eq!(missing.clone().verdict().datapath.next_pod, Cni::None);
    conflict("cni-plugin-missing", missing);
    conflict(
        "cilium-conf-without-agent",
        cilium_gone().conf("05-cilium.conflist", "cilium", &["cilium-cni"]),
    );
    let before = nodes::cilium().conf("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"]);
    conflict("cni-file-before-cilium", before);
    conflict("cilium-exclusive-renamed", nodes::cilium().renamed("00-multus.conf.cilium_bak"));
    let mut several = nodes::calico().conf("20-bridge.conflist", "mynet", &["bridge"]);
    several.facts.cni.max_conf_num.value = 0;
    conflict("cni-several-loaded", several);
    let stale = Host::new()
        .conf("02-istio-cni.conflist", "aws-cni", &["aws-cni", "istio-cni"])
        .conf("05-cilium.conflist", "cilium", &["cilium-cni"]);
    conflict("cni-copy-stale", stale);
}

/// By tc the AWS agent's filter of priority 1 ends the chain; a program by tcx comes before it.
#[test]
fn the_aws_policy_filter_ends_the_chain_only_before_a_filter() {
    let filter = |host: Host, link: &str| {
        host.tc(link, IN, 1, "handle_egress", "").tc(
            link,
            IN,
            2,
            "cil_from_container-eni",
            "cil_from_container",
        )
    };
    let chain = ["aws-cni", "cilium-cni"];
    let by_tc = ENI
        .into_iter()
        .fold(nodes::aws(), filter)
        .conf("05-cilium.conflist", "aws-cni", &chain)
        .cilium(|_| ());
    conflict("aws-policy-filter-before-cilium", by_tc.clone());
    let blocks = |host: Host| {
        let issues = host.verdict().datapath.issues;
        issues
            .into_iter()
            .find(|it| it.id == "aws-policy-filter-before-cilium")
            .unwrap()
            .blocks_ready
    };
    assert!(blocks(by_tc));
    assert!(!blocks(nodes::aws_chained().tc(ENI[0], IN, 1, "handle_egress", "")));
}

#[test]
fn programs_that_meet_on_one_hook() {
    let both =
        nodes::cilium().tcx("lxc0a1b2c3d4e5f", IN, "cali_tc_preamble").process("calico-node");
    conflict("calico-programs-beside-cilium", both);
    conflict("cilium-programs-twice", nodes::cilium().tcx("eth0", IN, "cil_from_netdev"));
    let mut stacked = nodes::cilium();
    if let Observed::Known(mounts) = &mut stacked.facts.mounts.bpffs {
        mounts.push(mounts[0].clone());
    }
    conflict("bpffs-not-stacked", stacked);
    conflict("branch-eni-vlan-filter", nodes::aws_chained().link("vlan.eth.1", "vlan"));
    conflict("aws-nft-wipes-marks", nodes::aws_chained().nft(Family::Ip, "aws-cni"));
    let stale =
        nodes::aws_with_policy().pinned("/sys/fs/bpf/globals/aws/programs/web@shop_handle_egress");
    conflict("aws-policy-program-stale", stale);
}

#[test]
fn pods_older_than_cilium_are_counted_and_migrate() {
    let chain = ["aws-cni", "egress-cni", "portmap", "cilium-cni"];
    let host = nodes::aws()
        .conf("05-cilium.conflist", "aws-cni", &chain)
        .tcx(ENI[0], IN, "cil_from_container")
        .cilium(|_| ());
    conflict("pods-without-cilium", host.clone());
    let verdict = host.verdict().datapath;
    let migration = verdict.migrating.unwrap();
    assert_eq!((migration.from, migration.to), (Cni::AwsVpcCni, Cni::AwsVpcCniCilium));
    assert_eq!((migration.pods_from, migration.pods_to), (2, 1));
    assert_eq!((verdict.pods.unmanaged, verdict.pods.by_cni[&Cni::AwsVpcCniCilium]), (2, 1));
}

#[test]
fn two_that_translate_services() {
    conflict("kube-proxy-beside-cilium", nodes::kube_proxy(nodes::cilium()));
    conflict("kube-proxy-beside-calico", nodes::kube_proxy(nodes::calico_ebpf("veth")));
    conflict("node-local-dns-bypassed", nodes::cilium().link("nodelocaldns", "dummy"));
    let strict = nodes::aws()
        .link("vlan0a1b2c3d4e5", "veth")
        .route_in(101, "10.0.9.9/32", "vlan0a1b2c3d4e5")
        .input_rule(10, "vlan0a1b2c3d4e5", 101)
        .pod("branch", "10.0.9.9")
        .link("kube-ipvs0", "dummy")
        .ipvs(4)
        .process("kube-proxy");
    conflict("strict-pods-need-iptables", strict);
}

#[test]
fn agents_that_contradict() {
    let mut gone = nodes::calico();
    gone.facts.agents.processes = Observed::Known(Vec::new());
    conflict("datapath-agent-gone", gone);
    let engines = nodes::aws_with_policy().chain("filter", "cali-FORWARD").process("calico-node");
    assert_eq!(engines.clone().verdict().datapath.policy_engine, "aws-network-policy-agent+calico");
    conflict("policy-engines-two", engines);
    let chains = nodes::cilium().chain("nat", "OLD_CILIUM_PRE_nat").chain("nat", "CILIUM_PRE_nat");
    conflict("cilium-chains-twice", chains);
    conflict("eks-auto-mode", nodes::aws().unit("ipamd.service"));
}

fn deletes_routes(facts: &mut Facts) {
    let on = Setting { value: true, source: SettingSource::Default };
    facts.networkd.manage_foreign_routes = Observed::Known(on);
}

#[test]
fn others_that_change_routes_and_rules() {
    let mut networkd = nodes::aws().unit("systemd-networkd.service");
    deletes_routes(&mut networkd.facts);
    conflict("networkd-deletes-rules", networkd);
    conflict("nm-cloud-setup-rules", nodes::aws().rule(30200, Some("10.0.1.2/32"), None, 30200));
    let mut lost = nodes::aws();
    if let Observed::Known(rules) = &mut lost.facts.network.rules {
        rules.retain(|it| it.priority != 512);
    }
    assert_eq!(lost.clone().verdict().datapath.cni, Cni::AwsVpcCni, "absent rules are no sign");
    conflict("aws-pod-rules-gone", lost);
    let mut utils = nodes::cilium_eni();
    utils.facts.networkd.ec2_net_utils =
        Observed::Known(Some("/usr/lib/udev/rules.d/99-vpc-policy-routes.rules".into()));
    conflict("ec2-net-utils-rules", utils);
}

/// No issue, and no silence either.
#[test]
fn what_networkd_was_told_and_could_not_be_read_is_said_where_it_runs() {
    let unread = |host: Host| {
        let unread = host.verdict().datapath.unread;
        unread.iter().any(|it| it.why.contains("systemd-networkd"))
    };
    assert!(unread(nodes::aws().unit("systemd-networkd.service")));
    assert!(!unread(nodes::aws()));
}

/// `cni-fingerprints.md` § 7: the first row.
#[test]
fn both_agents_alive_is_a_migration_and_counts_both_sides() {
    let host = nodes::cilium()
        .link(ENI[0], "veth")
        .route("10.0.7.7/32", ENI[0])
        .rule(512, None, Some("10.0.7.7/32"), 254)
        .pod("old", "10.0.7.7")
        .process("aws-k8s-agent");
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.next_pod), (Cni::Cilium, Cni::Cilium));
    let migration = verdict.migrating.unwrap();
    assert_eq!((migration.from, migration.pods_from, migration.pods_to), (Cni::AwsVpcCni, 1, 3));
}

#[test]
fn calico_rules_on_aws_links_are_a_policy_engine_and_no_leftover() {
    let host = nodes::aws().chain("filter", "cali-FORWARD").process("calico-node");
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.policy_engine.as_str()), (Cni::AwsVpcCni, "calico"));
    assert!(verdict.leftovers.is_empty(), "{:#?}", verdict.leftovers);
}
