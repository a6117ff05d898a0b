//! What kube-proxy leaves: it never removes its rules at exit (KEP-2448).

use super::chains;
use crate::facts::firewall::Family;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::{Issue, ProxyMode};

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    [rules(story), table(story), dummy(story), residue(story)].into_iter().flatten().collect()
}

/// Whether kube-proxy is gone: it does not run, or another one translates and nobody answers.
fn is_gone(story: &Story<'_, '_>) -> bool {
    story.scene.life(Party::KubeProxy).is_dead()
}

/// Only chains of Services are kube-proxy's; kubelet makes others.
fn rules(story: &Story<'_, '_>) -> Option<Issue> {
    let services = netfilter::count(story.scene.facts, "KUBE-SVC-");
    if !is_gone(story) || services == 0 {
        return None;
    }
    let top = chains(story, &["KUBE-SERVICES"]);
    Some(
        stale("kube-proxy-rules-left")
            .remedy("kube-proxy --cleanup, once nothing needs the rules; or reboot the node.")
            .evidence([format!("{services} KUBE-SVC chains, {}", netfilter::few(&top))])
            .evidence(story.why_gone(Party::KubeProxy)),
    )
}

fn table(story: &Story<'_, '_>) -> Option<Issue> {
    let families = [Family::Ip, Family::Ip6];
    let there = netfilter::table(story.scene.facts, &families, "kube-proxy").is_some();
    (is_gone(story) && there).then(|| {
        stale("kube-proxy-table-left")
            .remedy("nft delete table ip kube-proxy; nft delete table ip6 kube-proxy")
            .evidence(["nftables table kube-proxy".to_owned()])
            .evidence(story.why_gone(Party::KubeProxy))
    })
}

fn stale(id: &str) -> Issue {
    let message = "kube-proxy does not run and its rules stay: they lead Services to endpoints that nobody refreshes (kubernetes#119265)";
    Issue::leftover(id, "kube-proxy", message).harms()
}

/// The link outlives a change of mode (k3s#5643, rke2#3017).
fn dummy(story: &Story<'_, '_>) -> Option<Issue> {
    story.scene.link("kube-ipvs0")?;
    let ipvs = story.scene.facts.firewall.ipvs.known()?;
    let services = ipvs.as_ref().map_or(0, |it| it.services);
    (services == 0).then(|| {
        Issue::leftover(
            "kube-ipvs0-left",
            "kube-proxy",
            "kube-ipvs0 is there and IPVS has no service: a leftover of that mode (k3s#5643)",
        )
        .remedy("ip link del kube-ipvs0")
        .evidence(["link kube-ipvs0, 0 services in /proc/net/ip_vs".to_owned()])
    })
}

/// Entries without the link of either one that makes them (calico#7599, #12476).
fn residue(story: &Story<'_, '_>) -> Option<Issue> {
    let ipvs = story.scene.facts.firewall.ipvs.known()?.as_ref()?;
    let owned = ["kube-ipvs0", "kube-dummy-if"].iter().any(|it| story.scene.link(it).is_some());
    let unused =
        story.proxy.mode != ProxyMode::Ipvs && story.scene.facts.network.links.known().is_some();
    (ipvs.services > 0 && !owned && unused).then(|| {
        Issue::leftover("ipvs-services-left", "kube-proxy", "IPVS has services and neither kube-proxy's link nor kube-router's is there: they are left over (calico#12476), or of a load balancer such as keepalived or kube-vip")
            .remedy("ipvsadm -Ln shows them; ipvsadm --clear, only if no keepalived or kube-vip runs here.")
            .evidence([format!("{} services in /proc/net/ip_vs", ipvs.services)])
    })
}
