//! Against what nft(8), iptables(8) and ipset(8) make in empty namespaces.

use std::process::{Command, Stdio};

use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::thread::CapabilitySet;

use super::super::net_probe::namespace::tests::inside;
use super::super::netlink::Connection;
use super::*;
use crate::facts::Cause;
use crate::facts::config::ModuleState;
use crate::facts::firewall::{Chain, Family, Hook, Table, Target};
use crate::observe::as_if::{DEFAULT_RUNG, permitted, with_capabilities};

/// Of a kernel that has all of it.
fn config() -> ConfigFacts {
    let there = |it: &str| (it.to_owned(), Observed::Known(ModuleState::Builtin));
    ConfigFacts {
        kconfig: Observed::Known(None),
        modules: ["nf_tables", "ip_set"].map(there).into(),
    }
}

fn seen() -> FirewallFacts {
    firewall(&Host::live().unwrap(), &config())
}

/// Runs a command; `false`, said aloud, when the kernel cannot do it.
#[track_caller]
fn run(command: &str) -> bool {
    permitted();
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output();
    let output = output.unwrap_or_else(|it| panic!("{command}: {it} (cargo xtask setup test)"));
    if !output.status.success() {
        eprintln!("{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[track_caller]
fn nft(script: &str) {
    use std::io::Write as _;
    permitted();
    let mut child = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{script}");
}

fn table<'a>(facts: &'a FirewallFacts, family: Family, name: &str) -> &'a Table {
    let tables = facts.nftables.known().expect("tables");
    let found = tables.iter().find(|it| it.family == family && it.name == name);
    found.unwrap_or_else(|| panic!("{name}: {tables:?}"))
}

#[track_caller]
fn rules(chain: Option<&Chain>) -> &[crate::facts::firewall::Rule] {
    chain.expect("the chain").rules.known().expect("its rules")
}

/// As AWS VPC CNI 1.23 and kube-proxy write them.
const NFTABLES: &str = r#"
table ip aws-cni {
    chain nat-prerouting {
        type nat hook prerouting priority -90; policy accept;
        iifname "eni*" counter jump snat-mark comment "AWS, pods"
    }
    chain snat-mark { ip daddr 10.0.0.0/8 return; }
}
table ip kube-proxy {
    comment "rules for kube-proxy"
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    set cluster-ips { type ipv4_addr; }
    chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
    chain nat-output { type nat hook output priority -100; jump services; }
    chain masquerading { type nat hook postrouting priority 100; oifname "eth0" masquerade fully-random; }
    chain drops { type filter hook forward priority 0; policy drop; iifname != "eth1" drop; }
}
"#;

#[test]
fn nftables_are_told_with_hooks_rules_comments_and_sets() {
    inside(|| {
        nft(NFTABLES);
        let facts = seen();
        let aws = table(&facts, Family::Ip, "aws-cni");
        let base = aws.chains.named("nat-prerouting").unwrap().base.as_ref().unwrap();
        assert_eq!((base.hook, base.priority, base.accepts), (Hook::Prerouting, Some(-90), true));
        let [rule] = rules(aws.chains.named("nat-prerouting")) else { panic!() };
        assert_eq!(rule.comment.as_deref(), Some("AWS, pods"));
        assert_eq!(rule.target, Some(Target::Jump("snat-mark".into())));
        assert_eq!((rule.input.as_deref(), rule.packets), (Some("eni+"), Some(0)));
        assert_eq!(rules(aws.chains.named("snat-mark"))[0].target, Some(Target::Return));
        let proxy = table(&facts, Family::Ip, "kube-proxy");
        assert_eq!(proxy.sets, ["service-ips", "cluster-ips"]);
        let services = rules(proxy.chains.named("services"));
        assert_eq!(services[0].target, Some(Target::Map("service-ips".into())));
        let masquerading = rules(proxy.chains.named("masquerading"));
        assert_eq!(masquerading[0].target, Some(Target::Named("masq".into())));
        assert_eq!(masquerading[0].output.as_deref(), Some("eth0"));
        let drops = proxy.chains.named("drops").unwrap();
        assert!(!drops.base.as_ref().unwrap().accepts);
        let [rule] = rules(Some(drops)) else { panic!() };
        assert_eq!((rule.input.as_deref(), &rule.target), (None, &Some(Target::Drop)));
    });
}

/// The same rules by both flavours of iptables(8).
const IPTABLES: [&str; 6] = [
    "-t nat -N KUBE-SERVICES",
    "-t nat -N KUBE-SVC-ERIFXISQEP7F7OF4",
    "-t nat -A PREROUTING -m comment --comment kubernetes-service-portals -j KUBE-SERVICES",
    "-t nat -A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-ERIFXISQEP7F7OF4",
    "-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
    "-t nat -A OUTPUT -i eni+ -g KUBE-SERVICES",
];

/// OUTPUT takes no input interface; there the mark of a whole name is tried.
fn iptables(flavour: &str) -> bool {
    IPTABLES.iter().all(|it| {
        let rule = it.replace("-A OUTPUT -i eni+", "-A PREROUTING -i eni+");
        run(&format!("{flavour} {rule}"))
    })
}

#[track_caller]
fn expect_kube_services(chains: &crate::facts::firewall::Chains) {
    let prerouting = chains.named("PREROUTING");
    assert_eq!(prerouting.unwrap().base.as_ref().unwrap().hook, Hook::Prerouting);
    let [portals, pods] = rules(prerouting) else { panic!("{prerouting:?}") };
    assert_eq!(portals.comment.as_deref(), Some("kubernetes-service-portals"));
    assert_eq!(portals.target, Some(Target::Jump("KUBE-SERVICES".into())));
    assert_eq!(portals.packets, Some(0));
    assert_eq!(pods.target, Some(Target::Goto("KUBE-SERVICES".into())));
    assert_eq!(pods.input.as_deref(), Some("eni+"));
    let [service] = rules(chains.named("KUBE-SERVICES")) else { panic!() };
    assert_eq!(service.target, Some(Target::Jump("KUBE-SVC-ERIFXISQEP7F7OF4".into())));
    assert_eq!(rules(chains.named("KUBE-SVC-ERIFXISQEP7F7OF4")), []);
    let [masquerade] = rules(chains.named("POSTROUTING")) else { panic!() };
    assert_eq!(masquerade.output.as_deref(), Some("eth0"));
}

#[test]
fn rules_of_iptables_nft_are_told_by_nftables() {
    inside(|| {
        assert!(iptables("iptables-nft"));
        let facts = seen();
        expect_kube_services(&table(&facts, Family::Ip, "nat").chains);
        assert_eq!(facts.iptables, Observed::Known(Vec::new()), "no legacy table");
    });
}

#[test]
fn rules_of_legacy_iptables_are_told_and_no_table_comes_by_looking() {
    inside(|| {
        assert_eq!(seen().iptables, Observed::Known(Vec::new()));
        assert_eq!(seen().ip6tables, Observed::Known(Vec::new()));
        if !iptables("iptables-legacy") {
            return eprintln!("skipped: this kernel has no legacy iptables");
        }
        let facts = seen();
        let [nat] = facts.iptables.known().unwrap().as_slice() else { panic!() };
        assert_eq!(nat.name, "nat");
        let chains = nat.chains.known().unwrap();
        expect_kube_services(chains);
        let masquerade = &rules(chains.named("POSTROUTING"))[0];
        assert_eq!(masquerade.target, Some(Target::Named("MASQUERADE".into())));
        assert!(chains.named("OUTPUT").unwrap().base.as_ref().unwrap().accepts);
        assert!(facts.nftables.known().unwrap().is_empty());
        let names = std::fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap();
        assert_eq!(names, "nat\n");
    });
}

#[test]
fn legacy_ip6tables_are_told_as_well() {
    inside(|| {
        let made = run("ip6tables-legacy -t filter -N cali-FORWARD")
            && run("ip6tables-legacy -P FORWARD DROP")
            && run(
                "ip6tables-legacy -A FORWARD -o cali+ -m comment --comment cali:wUHhoiAYhphO9Mso -j cali-FORWARD",
            );
        if !made {
            return eprintln!("skipped: this kernel has no legacy ip6tables");
        }
        let facts = seen();
        let [filter] = facts.ip6tables.known().unwrap().as_slice() else { panic!() };
        let chains = filter.chains.known().unwrap();
        let forward = chains.named("FORWARD").unwrap();
        assert!(!forward.base.as_ref().unwrap().accepts);
        let [rule] = rules(Some(forward)) else { panic!() };
        assert_eq!(rule.comment.as_deref(), Some("cali:wUHhoiAYhphO9Mso"));
        assert_eq!(rule.output.as_deref(), Some("cali+"));
        assert_eq!(rule.target, Some(Target::Jump("cali-FORWARD".into())));
        assert_eq!(chains.list.len(), 4, "{chains:?}");
    });
}

#[test]
fn ipsets_are_told_with_the_number_of_their_entries() {
    inside(|| {
        if !run("ipset create cali40masq-ipam-pools hash:net") {
            return eprintln!("skipped: this kernel has no ipset");
        }
        assert!(run("ipset add cali40masq-ipam-pools 10.0.0.0/8"));
        assert!(run("ipset create KUBE-CLUSTER-IP hash:ip,port"));
        let facts = seen();
        let sets: Vec<_> = facts
            .ipsets
            .known()
            .unwrap()
            .iter()
            .map(|it| (it.name.as_str(), it.kind.as_str(), it.entries))
            .collect();
        let want = [
            ("cali40masq-ipam-pools", "hash:net", Some(1)),
            ("KUBE-CLUSTER-IP", "hash:ip,port", Some(0)),
        ];
        assert_eq!(sets, want);
    });
}

#[test]
fn the_daemonsets_rights_suffice_and_without_any_nothing_is_empty() {
    inside(|| {
        nft(NFTABLES);
        let legacy = iptables("iptables-legacy");
        let full = seen();
        assert_eq!(with_capabilities(DEFAULT_RUNG, seen), full);
        let none = with_capabilities(CapabilitySet::empty(), seen);
        let denied = Some(Cause::PermissionDenied);
        assert_eq!(none.nftables.failure().map(|it| it.cause), denied);
        assert_eq!(none.ipsets.failure().map(|it| it.cause), denied);
        if legacy {
            let [nat] = none.iptables.known().unwrap().as_slice() else { panic!() };
            assert_eq!(nat.chains.failure().map(|it| it.cause), denied);
        }
    });
}

/// Thirty thousand chains of Services: a second and a few megabytes.
#[test]
fn tens_of_thousands_of_chains_are_counted() {
    inside(|| {
        let mut script = String::from("table ip nat {\n");
        for number in 0..20_000 {
            script += &format!("chain KUBE-SVC-{number:016} {{ }}\n");
        }
        script += "chain PREROUTING { type nat hook prerouting priority -100; }\n}\n";
        nft(&script);
        let start = std::time::Instant::now();
        let facts = seen();
        println!("20,000 chains: {:?}", start.elapsed());
        let chains = &table(&facts, Family::Ip, "nat").chains;
        assert_eq!(chains.beginning_with("KUBE-SVC-"), 20_000);
        assert!(chains.named("PREROUTING").is_some() && chains.list.len() < 100);
    });
}

#[test]
fn every_cut_and_every_flipped_byte_of_nfnetlink_ends_without_a_panic() {
    inside(|| {
        nft(NFTABLES);
        let Observed::Known(_) = seen().nftables else { panic!() };
        let chain = Chain {
            name: "nat-prerouting".into(),
            base: None,
            uses: None,
            rules: Observed::Known(Vec::new()),
        };
        let parse = |it: &[u8]| {
            let _ = nftables::message::table(it);
            let _ = nftables::message::chain(it);
            let _ = nftables::message::set(it);
            let _ = nftables::message::flowtable(it);
            let _ = nftables::message::rule(it, &chain);
            let _ = ipset::parse(it);
        };
        let mut netfilter = Connection::open(NETLINK_NETFILTER).unwrap();
        for message in [1, 4, 7, 10] {
            for whole in netfilter.dump(10 << 8 | message, &[0; 4]).unwrap() {
                (0..whole.len()).for_each(|end| parse(&whole[..end]));
                for at in 0..whole.len() {
                    let mut broken = whole.clone();
                    broken[at] ^= 0xff;
                    parse(&broken);
                }
            }
        }
    });
}
