//! What lives and stands in something else's way: every conflict of `cni-fingerprints.md` § 7 that
//! the kernel here can host.

use bpfready::judge::report::{Cni, Ternary};

use super::cases::strict_pod;
use super::expect_issues;
use super::host::{Flavour, on_host};
use super::kernel::{Hook, Way};
use super::nodes::{self, ENI, LXC, TCX_IN};

#[test]
fn files_that_stop_pods_or_hide_cilium() {
    on_host(|host| {
        nodes::calico(host);
        std::fs::remove_file("/opt/cni/bin/calico").unwrap();
        let verdict = host.verdict();
        assert_eq!((verdict.datapath.cni, verdict.datapath.next_pod), (Cni::Calico, Cni::None));
        expect_issues(&verdict, &["cni-plugin-missing"], &[]);
        host.file("/opt/cni/bin/calico", "");
        host.conf("20-bridge.conflist", "mynet", &["bridge"]);
        let containerd =
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\nmax_conf_num = 0\n";
        host.file("/etc/containerd/config.toml", containerd);
        expect_issues(&host.verdict(), &["cni-several-loaded"], &["cni-file-waiting"]);
    });
    on_host(|host| {
        nodes::cilium(host);
        host.file("/etc/cni/net.d/00-multus.conf.cilium_bak", "{}");
        expect_issues(&host.verdict(), &["cilium-exclusive-renamed"], &[]);
        std::fs::remove_file("/etc/cni/net.d/00-multus.conf.cilium_bak").unwrap();
        host.conf("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"]);
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.migrating.as_ref().map(|it| it.to), Some(Cni::KubeOvn));
        assert_eq!(verdict.cilium.ready, Ternary::No);
        expect_issues(&verdict, &["cni-file-before-cilium"], &["cni-file-waiting"]);
    });
}

/// By tc the AWS agent's filter of priority 1 ends the chain; a program by tcx comes before it.
#[test]
fn the_aws_policy_filter_ends_the_chain_only_before_a_filter() {
    on_host(|host| {
        nodes::aws_chained(host, &[]);
        nodes::aws_policy(host);
        for link in ENI {
            host.filter(
                link,
                Way::In,
                2,
                &format!("cil_from_container-{link}"),
                "cil_from_container",
            );
        }
        let verdict = host.verdict();
        let both = ["aws-policy-filter-before-cilium", "policy-engines-two"];
        expect_issues(&verdict, &both, &[]);
        assert_eq!(verdict.cilium.ready, Ternary::No);
        for link in ENI {
            host.attach(link, TCX_IN, "cil_from_container");
            host.remove_filter(link, Way::In, 2);
        }
        let verdict = host.verdict();
        expect_issues(&verdict, &both, &[]);
        let issue = verdict.datapath.issues.iter().find(|it| it.id == both[0]).unwrap();
        assert!(!issue.blocks_ready, "{issue:#?}");
    });
}

#[test]
fn programs_that_meet_on_one_hook() {
    on_host(|host| {
        nodes::cilium(host);
        host.attach(LXC[0], TCX_IN, "cali_tc_preamble");
        host.process("calico-node", &["-felix"]);
        host.attach("eth0", TCX_IN, "cil_from_netdev");
        super::host::new_mount("bpf", "/sys/fs/bpf");
        let conflicts = [
            "calico-programs-beside-cilium",
            "cilium-programs-twice",
            "bpffs-not-stacked",
            "policy-engines-two",
        ];
        expect_issues(&host.verdict(), &conflicts, &[]);
    });
}

#[test]
fn what_stands_in_the_way_of_a_chained_cilium() {
    on_host(|host| {
        nodes::aws_chained(host, &ENI[..1]);
        host.nft(
            "table ip aws-cni { chain nat-prerouting { type nat hook prerouting priority -90; policy accept; }; }",
        );
        let conflicts = ["aws-nft-wipes-marks", "pods-without-cilium"];
        let verdict = host.verdict();
        let pods = &verdict.datapath.pods;
        assert_eq!((pods.unmanaged, pods.by_cni[&Cni::AwsVpcCniCilium]), (1, 1), "{pods:#?}");
        let migration = verdict.datapath.migrating.as_ref().unwrap();
        assert_eq!((migration.from, migration.to), (Cni::AwsVpcCni, Cni::AwsVpcCniCilium));
        assert_eq!((migration.pods_from, migration.pods_to), (1, 1));
        expect_issues(&verdict, &conflicts, &[]);
    });
}

#[test]
fn two_that_translate_services() {
    on_host(|host| {
        nodes::cilium(host);
        nodes::kube_proxy_rules(host, Flavour::Nft);
        nodes::kube_proxy(host, "iptables");
        expect_issues(&host.verdict(), &["kube-proxy-beside-cilium"], &[]);
    });
    // Cilium answers in kube-proxy's place, and a machine within this one has one of its own.
    on_host(|host| {
        nodes::cilium(host);
        host.answers(10256, 200, "");
        host.process_elsewhere("kube-proxy");
        expect_issues(&host.verdict(), &[], &[]);
    });
    on_host(|host| {
        nodes::calico_ebpf(host);
        nodes::kube_proxy(host, "iptables");
        expect_issues(&host.verdict(), &["kube-proxy-beside-calico"], &[]);
    });
    on_host(|host| {
        nodes::aws(host);
        strict_pod(host);
        nodes::kube_proxy_table(host);
        nodes::kube_proxy(host, "nftables");
        expect_issues(&host.verdict(), &["strict-pods-need-iptables"], &[]);
    });
}

#[test]
fn agents_that_contradict() {
    on_host(|host| {
        nodes::azure(host);
        host.end("azure-cns");
        expect_issues(&host.verdict(), &["datapath-agent-gone"], &[]);
    });
    on_host(|host| {
        nodes::aws(host);
        nodes::aws_policy(host);
        host.pinned_program("/sys/fs/bpf/globals/aws/programs/web@shop_handle_egress", "");
        nodes::calico_chains(host, Flavour::Nft);
        host.process("calico-node", &["-felix"]);
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.policy_engine, "aws-network-policy-agent+calico");
        expect_issues(&verdict, &["policy-engines-two", "aws-policy-program-stale"], &[]);
    });
    on_host(|host| {
        nodes::cilium(host);
        let nat = [":OLD_CILIUM_PRE_nat - [0:0]", ":CILIUM_PRE_nat - [0:0]"];
        host.iptables(Flavour::Nft, "nat", &nat);
        expect_issues(&host.verdict(), &["cilium-chains-twice"], &[]);
    });
}

#[test]
fn others_that_change_routes_and_rules() {
    on_host(|host| {
        nodes::aws(host);
        host.unit("systemd-networkd.service");
        host.ip("rule add from 10.0.1.2 lookup 30200 priority 30200");
        host.ip("rule del priority 512");
        let conflicts = ["networkd-deletes-rules", "nm-cloud-setup-rules", "aws-pod-rules-gone"];
        let verdict = host.verdict();
        assert_eq!(verdict.datapath.cni, Cni::AwsVpcCni, "absent rules are no sign");
        expect_issues(&verdict, &conflicts, &[]);
        let keep = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n";
        host.file("/etc/systemd/networkd.conf.d/80-keep.conf", keep);
        expect_issues(&host.verdict(), &conflicts[1..], &[]);
    });
    on_host(|host| {
        nodes::cilium_eni(host);
        host.file("/etc/udev/rules.d/53-ec2-network-interfaces.rules", "");
        expect_issues(&host.verdict(), &["ec2-net-utils-rules"], &[]);
    });
}

/// § 7, the first row: pods on both sides, both agents alive.
#[test]
fn both_agents_alive_is_a_migration_and_counts_both_sides() {
    on_host(|host| {
        nodes::cilium(host);
        host.pod(ENI[0], "10.0.7.7");
        nodes::aws_rule(host, "10.0.7.7");
        host.process("aws-k8s-agent", &[]);
        let verdict = host.verdict();
        let told = &verdict.datapath;
        assert_eq!((told.cni, told.next_pod), (Cni::Cilium, Cni::Cilium), "{told:#?}");
        let migration = told.migrating.as_ref().unwrap();
        assert_eq!((migration.from, migration.to), (Cni::AwsVpcCni, Cni::Cilium));
        assert_eq!((migration.pods_from, migration.pods_to), (1, 2), "{told:#?}");
        expect_issues(&verdict, &[], &[]);
    });
}

/// Calico's rules on AWS's links are a policy engine and no leftover.
#[test]
fn calico_for_policy_alone_is_no_conflict() {
    on_host(|host| {
        nodes::aws(host);
        nodes::calico_chains(host, Flavour::Nft);
        host.process("calico-node", &["-felix"]);
        let verdict = host.verdict();
        let told = &verdict.datapath;
        assert_eq!(
            (told.cni, told.policy_engine.as_str()),
            (Cni::AwsVpcCni, "calico"),
            "{told:#?}"
        );
        expect_issues(&verdict, &[], &[]);
    });
    on_host(|host| {
        nodes::aws(host);
        for it in ENI {
            host.attach(it, TCX_IN, "cali_tc_preamble");
        }
        host.cgroup(Hook::Connect4, "calico_connect_v4");
        host.process("calico-node", &["-felix"]);
        let told = host.verdict().datapath;
        assert_eq!(
            (told.cni, told.policy_engine.as_str()),
            (Cni::AwsVpcCni, "calico"),
            "{told:#?}"
        );
    });
}
