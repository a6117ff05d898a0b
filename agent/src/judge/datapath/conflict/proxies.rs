//! Two that translate Services, and what does not go with one of them.

use crate::judge::datapath::detector;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::scene::Scene;
use crate::judge::datapath::story::Story;
use crate::judge::report::{Issue, ProxyMode};

pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    [two(story), node_local_dns(story), strict(story)].into_iter().flatten().collect()
}

/// kube-proxy beside a replacement (kubespray#10537).
fn two(story: &Story<'_, '_>) -> Option<Issue> {
    let life = story.scene.life(Party::KubeProxy);
    let (id, who) = match story.proxy.mode {
        ProxyMode::Cilium => ("kube-proxy-beside-cilium", "Cilium"),
        ProxyMode::Calico => ("kube-proxy-beside-calico", "Calico"),
        _ => return None,
    };
    life.is_alive().then(|| {
        let issue = Issue::conflict(id, "kube-proxy", format!("kube-proxy runs although {who} replaces it: both translate Services, and packets take one way or the other (kubespray#10537)"));
        let issue = if who == "Cilium" { issue.blocks_ready() } else { issue };
        issue
            .remedy("Remove the kube-proxy DaemonSet from these nodes, then run kube-proxy --cleanup; or set kubeProxyReplacement=false.")
            .evidence(life.evidence().to_vec())
            .evidence(story.proxy.evidence.clone())
    })
}

/// Socket load balancing translates the ClusterIP before NodeLocal DNSCache's rules see it.
fn node_local_dns(story: &Story<'_, '_>) -> Option<Issue> {
    let there = story.scene.link("nodelocaldns").is_some();
    (there && story.proxy.mode == ProxyMode::Cilium).then(|| {
        Issue::conflict("node-local-dns-bypassed", "node-local-dns", "with Cilium's kube-proxy replacement pods do not reach NodeLocal DNSCache by the ClusterIP of DNS")
            .advisory()
            .remedy("Install a CiliumLocalRedirectPolicy for kube-dns (localRedirectPolicy=true).")
            .evidence(["link nodelocaldns".to_owned()])
    })
}

/// AWS documents iptables mode for security groups in strict mode.
fn strict(story: &Story<'_, '_>) -> Option<Issue> {
    let other = matches!(story.proxy.mode, ProxyMode::Ipvs | ProxyMode::Nftables);
    (other && has_strict_pods(story.scene, story)).then(|| {
        Issue::conflict("strict-pods-need-iptables", "aws-vpc-cni", format!("pods with security groups in strict mode need kube-proxy in iptables mode, and it is in {}", story.proxy.mode.as_str()))
            .remedy("Set kube-proxy's mode to iptables, or POD_SECURITY_GROUP_ENFORCING_MODE=standard.")
            .evidence(story.proxy.evidence.clone())
    })
}

fn has_strict_pods(scene: &Scene<'_>, story: &Story<'_, '_>) -> bool {
    let strict = story.present.traced.iter().any(|it| it.hop.by_input_rule);
    strict && !detector::is_auto_mode(scene)
}
