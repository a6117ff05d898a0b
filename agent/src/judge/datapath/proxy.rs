//! Who translates Services: by what the kernel holds first, then by what kube-proxy says.

use super::detector;
use super::life::Life;
use super::netfilter;
use super::party::Party;
use super::present::Present;
use super::scene::Scene;
use crate::facts::Observed;
use crate::facts::agents::{Answer, Endpoint};
use crate::facts::firewall::Family;
use crate::judge::report::{Cni, Confidence, ProxyMode, ServiceProxyVerdict};

/// Asks for each, replacements first: kube-proxy's rules may be left over.
pub(super) fn proxy(scene: &Scene<'_>, present: &Present<'_>) -> ServiceProxyVerdict {
    cilium(scene)
        .or_else(|| calico(scene))
        .or_else(|| ipvs(scene))
        .or_else(|| nftables(scene))
        .or_else(|| iptables(scene))
        .or_else(|| by_its_word(scene))
        .or_else(|| switch(present))
        .unwrap_or_else(|| nobody(scene))
}

fn verdict(
    mode: ProxyMode,
    party: Party,
    confidence: Confidence,
    evidence: Vec<String>,
) -> ServiceProxyVerdict {
    ServiceProxyVerdict { mode, evidence, owner: party.as_str().to_owned(), confidence }
}

fn cilium(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let life = scene.life(Party::Cilium);
    if life.is_dead() || detector::cilium_replaces(scene) != Some(true) {
        return None;
    }
    let status = scene.facts.cilium.known().and_then(Option::as_ref);
    let said = status.and_then(|it| it.kube_proxy_replacement.as_deref());
    let hooks = scene.cgroup_hooks_of(Party::Cilium);
    let mut evidence = Vec::new();
    evidence.extend(said.map(|it| format!("Cilium's agent says kube-proxy-replacement {it}")));
    if !hooks.is_empty() {
        let names: Vec<String> = hooks.iter().map(|it| it.called()).collect();
        evidence.push(format!("on the root cgroup: {}", netfilter::few(&names)));
    }
    let confidence = match (said.is_some(), hooks.is_empty(), life.is_alive()) {
        (true, false, _) => Confidence::High,
        (true, true, _) | (false, _, true) => Confidence::Medium,
        (false, _, false) => Confidence::Low,
    };
    Some(verdict(ProxyMode::Cilium, Party::Cilium, confidence, evidence))
}

fn calico(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let life = scene.life(Party::Calico);
    let connect = scene.cgroup_hooks_of(Party::Calico);
    let pair = scene.link("bpfin.cali").is_some();
    if life.is_dead() || (connect.is_empty() && !pair) || !detector::calico_is_ebpf(scene) {
        return None;
    }
    let mut evidence = Vec::new();
    if pair {
        evidence.push("bpfin.cali is there".to_owned());
    }
    if let Some(first) = connect.first() {
        evidence.push(format!("on the root cgroup: {}", first.called()));
    }
    let confidence = if life.is_alive() { Confidence::High } else { Confidence::Medium };
    Some(verdict(ProxyMode::Calico, Party::Calico, confidence, evidence))
}

/// kube-router and kube-proxy both fill it; the name of the dummy link tells them apart.
fn ipvs(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let ipvs = scene.facts.firewall.ipvs.known()?.as_ref().filter(|it| it.services > 0)?;
    let (party, link) = [(Party::KubeRouter, "kube-dummy-if"), (Party::KubeProxy, "kube-ipvs0")]
        .into_iter()
        .find(|it| scene.link(it.1).is_some())?;
    let first = format!("{} services in /proc/net/ip_vs, and {link} is there", ipvs.services);
    Some(living(scene, ProxyMode::Ipvs, party, vec![first]))
}

fn nftables(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let families = [Family::Ip, Family::Ip6];
    let table = netfilter::table(scene.facts, &families, "kube-proxy")?;
    let based = table.chains.list.iter().any(|it| it.base.is_some());
    let maps = table.sets.iter().any(|it| it == "service-ips");
    (based || maps).then(|| {
        let evidence = vec!["the table kube-proxy is in nftables".to_owned()];
        living(scene, ProxyMode::Nftables, Party::KubeProxy, evidence)
    })
}

/// kubelet makes chains of its own; only chains of Services prove kube-proxy's.
fn iptables(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let facts = scene.facts;
    let services = netfilter::count(facts, "KUBE-SVC-");
    let top = netfilter::chains(facts, &["KUBE-SERVICES"]);
    let reached = ["PREROUTING", "OUTPUT"].map(|it| netfilter::jumps(facts, it, "KUBE-SERVICES"));
    let first = top.first().filter(|_| services > 0 && reached.contains(&true))?;
    let way = if first.legacy { "legacy iptables" } else { "iptables by nftables" };
    let evidence = vec![format!("KUBE-SERVICES and {services} KUBE-SVC chains in nat ({way})")];
    Some(living(scene, ProxyMode::Iptables, Party::KubeProxy, evidence))
}

/// What the kernel holds, with what the agent that made it says.
fn living(
    scene: &Scene<'_>,
    mode: ProxyMode,
    party: Party,
    mut evidence: Vec<String>,
) -> ServiceProxyVerdict {
    let life = scene.life(party);
    let confidence = match (life, party) {
        (Life::Alive(signs), _) => {
            evidence.extend(signs.first().cloned());
            Confidence::High
        }
        (Life::Unknown(_), _) => Confidence::Medium,
        (Life::Dead(signs), _) => {
            evidence.push(format!("{} does not run: nobody refreshes them", party.as_str()));
            evidence.extend(signs.first().cloned());
            Confidence::Low
        }
    };
    verdict(mode, party, confidence, evidence)
}

/// kube-proxy's own word where its rules could not be read.
fn by_its_word(scene: &Scene<'_>) -> Option<ServiceProxyVerdict> {
    let endpoints = &scene.facts.agents.endpoints;
    let Observed::Known(Answer::Http { status: 200, body }) =
        endpoints.get(&Endpoint::KubeProxyMode)?
    else {
        return None;
    };
    let mode = match body.trim() {
        "iptables" => ProxyMode::Iptables,
        "ipvs" => ProxyMode::Ipvs,
        "nftables" => ProxyMode::Nftables,
        _ => return None,
    };
    let evidence = vec![format!(":10249/proxyMode says {}", body.trim())];
    Some(verdict(mode, Party::KubeProxy, Confidence::Medium, evidence))
}

/// Open vSwitch's flows are not read, so who translates in it is known and how is not.
fn switch(present: &Present<'_>) -> Option<ServiceProxyVerdict> {
    let party = match present.cni {
        Cni::OvnKubernetes => Party::OvnKubernetes,
        Cni::KubeOvn => Party::KubeOvn,
        Cni::Antrea => Party::Antrea,
        _ => return None,
    };
    let why = format!("{} translates in Open vSwitch, whose flows are not read", party.as_str());
    Some(verdict(ProxyMode::Unknown, party, Confidence::Low, vec![why]))
}

/// Nobody, if every place could be read.
fn nobody(scene: &Scene<'_>) -> ServiceProxyVerdict {
    let facts = scene.facts;
    let ipvs = facts.firewall.ipvs.known().is_some();
    let links = facts.network.links.known().is_some();
    let said = match &facts.cilium {
        _ if !scene.life(Party::Cilium).is_alive() => true,
        Observed::Known(None) => true,
        Observed::Known(Some(_)) => detector::cilium_replaces(scene).is_some(),
        Observed::Unknown(_) => false,
    };
    let unread: Vec<&str> = [
        (netfilter::all_known(facts), "iptables and nftables"),
        (ipvs, "IPVS"),
        (scene.cgroups_known(), "programs on cgroups"),
        (links, "links"),
        (said, "what Cilium's agent says"),
    ]
    .into_iter()
    .filter_map(|(known, what)| (!known).then_some(what))
    .collect();
    if unread.is_empty() {
        let why = "no chain, table, IPVS service or program translates Services";
        return ServiceProxyVerdict {
            mode: ProxyMode::None,
            evidence: vec![why.to_owned()],
            owner: String::new(),
            confidence: Confidence::High,
        };
    }
    let why = format!("could not be read: {}", unread.join(", "));
    ServiceProxyVerdict { evidence: vec![why], ..ServiceProxyVerdict::default() }
}
