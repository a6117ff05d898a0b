//! What cannot be read is never taken for absent: on each composed node each source in turn is
//! made unreadable, and no answer may become another one than "could not tell".

use serde::Serialize;

use super::nodes;
use crate::facts::cni::Choice;
use crate::facts::hooks::CgroupHook;
use crate::facts::{Cause, Facts, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::Verdict;

/// A source, and what makes it unreadable.
type Source = (&'static str, fn(&mut Facts));

fn eio<T>() -> Observed<T> {
    Observed::Unknown(Failure::new(Cause::Io, "EIO"))
}

const SOURCES: [Source; 21] = [
    ("links", |it| it.network.links = eio()),
    ("addresses", |it| it.network.addresses = eio()),
    ("neighbours", |it| it.network.neighbors = eio()),
    ("routes", |it| it.network.routes = eio()),
    ("rules", |it| it.network.rules = eio()),
    ("filters", |it| it.hooks.filters = eio()),
    ("xdp", |it| it.hooks.xdp = eio()),
    ("tcx", |it| it.hooks.tcx = eio()),
    ("netkit", |it| it.hooks.netkit = eio()),
    ("cgroups", |it| it.hooks.cgroups = eio()),
    ("programs", |it| it.inventory.programs = eio()),
    ("pins", |it| it.pins = eio()),
    ("nftables", |it| it.firewall.nftables = eio()),
    ("iptables", |it| it.firewall.iptables = eio()),
    ("ipsets", |it| it.firewall.ipsets = eio()),
    ("ipvs", |it| it.firewall.ipvs = eio()),
    ("choice", |it| it.cni.choice = eio::<Choice>()),
    ("processes", |it| it.agents.processes = eio()),
    ("endpoints", |it| it.agents.endpoints.values_mut().for_each(|it| *it = eio())),
    ("cilium", |it| it.cilium = eio()),
    ("pods", |it| it.pods = eio()),
];

/// With the programs that replace kube-proxy, which `KubeProxyReplacement: True` implies.
fn replaced(host: Host) -> Host {
    host.cgroup(CgroupHook::CgroupInet4Connect, "cil_sock4_connect")
        .cgroup(CgroupHook::CgroupInet4PostBind, "cil_sock4_post_bind")
}

fn all() -> Vec<(&'static str, Host)> {
    vec![
        ("cilium", nodes::cilium()),
        ("cilium eni", replaced(nodes::cilium_eni())),
        ("aws", nodes::kube_proxy(nodes::aws())),
        ("aws with policy", nodes::kube_proxy(nodes::aws_with_policy()).process("aws-network-pol")),
        ("aws chained", replaced(nodes::aws_chained())),
        ("calico", nodes::kube_proxy(nodes::calico())),
        ("calico ebpf", nodes::calico_ebpf("veth")),
        ("calico netkit", nodes::calico_ebpf("netkit")),
        ("canal", nodes::kube_proxy(nodes::canal())),
        ("flannel", nodes::kube_proxy(nodes::flannel())),
        ("kindnet", nodes::kube_proxy(nodes::kindnet())),
        ("antrea", nodes::kube_proxy(nodes::antrea())),
        ("antrea policy only", nodes::kube_proxy(nodes::antrea_policy_only())),
        ("ovn-kubernetes", nodes::ovn_kubernetes()),
        ("kube-ovn", nodes::kube_proxy(nodes::kube_ovn())),
        ("kube-router", nodes::kube_router()),
        ("azure", nodes::kube_proxy(nodes::azure())),
        ("azure by cilium", nodes::azure_powered_by_cilium()),
        ("azure chained", replaced(nodes::azure_chained())),
        ("gke", replaced(nodes::gke())),
        ("weave", nodes::kube_proxy(nodes::weave())),
        ("bridge", nodes::kube_proxy(nodes::bridge())),
        ("aws left over", nodes::cilium().chain("nat", "AWS-SNAT-CHAIN-0")),
        ("kube-proxy left over", nodes::kube_proxy_rules(nodes::cilium())),
    ]
}

/// What became another answer than "could not tell".
fn wrong(seen: &Verdict, blind: &Verdict) -> Vec<String> {
    let (was, is) = (&seen.datapath, &blind.datapath);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, was: &str, is: &str| {
        if is != was && is != "unknown" {
            wrong.push(format!("{what}: {was} became {is}"));
        }
    };
    compare("cni", was.cni.as_str(), is.cni.as_str());
    compare("next pod", was.next_pod.as_str(), is.next_pod.as_str());
    compare("policy", &was.policy_engine, &is.policy_engine);
    let (was, is) = (seen.service_proxy.mode, blind.service_proxy.mode);
    compare("proxy", was.as_str(), is.as_str());
    for rule in ["datapath-no-conflicts", "datapath-no-leftovers"] {
        compare(rule, &outcome(seen, rule), &outcome(blind, rule));
    }
    let (was, is) = (seen.cilium.ready, blind.cilium.ready);
    compare("ready", &word(was), &word(is));
    wrong
}

fn outcome(verdict: &Verdict, rule: &str) -> String {
    // Where something was found, its own rule tells.
    let finding = verdict.findings.iter().find(|it| it.rule == rule);
    finding.map_or_else(|| "found".into(), |it| word(it.outcome))
}

fn word(it: impl Serialize) -> String {
    let word = serde_json::to_value(it).unwrap().as_str().unwrap().to_owned();
    if word == "undetermined" { "unknown".into() } else { word }
}

#[test]
fn a_source_that_cannot_be_read_changes_no_answer_but_to_could_not_tell() {
    let mut all_wrong = Vec::new();
    for (name, host) in all() {
        let seen = host.clone().verdict();
        for (source, blind) in SOURCES {
            let mut host = host.clone();
            blind(&mut host.facts);
            let wrong = wrong(&seen, &host.verdict());
            all_wrong.extend(wrong.into_iter().map(|it| format!("{name} without {source}: {it}")));
        }
    }
    assert!(all_wrong.is_empty(), "{all_wrong:#?}");
}
