//! Values that ask for one feature: whether this node has it, and what Cilium does without.

use super::key::Key;
use super::{Asked, Setting, by_node, excluded};
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Severity};

/// A value, the word that asks, the feature, and what happens where the node lacks it.
struct Ask {
    key: Key,
    word: &'static str,
    feature: &'static str,
    severity: Severity,
    otherwise: &'static str,
    remedy: &'static str,
}

const fn ask(
    key: Key,
    feature: &'static str,
    severity: Severity,
    otherwise: &'static str,
    remedy: &'static str,
) -> Ask {
    Ask { key, word: "true", feature, severity, otherwise, remedy }
}

use Severity::{Blocking, Degraded};

const STOPS: &str = "Cilium stops at start";
const NEWER: &str = "Use a kernel that has it, or set the value to false.";

/// Fatal or not as in `facts/cilium.md` § 3.3.
#[rustfmt::skip]
const ASKS: &[Ask] = &[
    ask(Key::SocketLb, "socket-lb", Blocking, STOPS, NEWER),
    ask(Key::SocketLbHostNamespaceOnly, "socket-lb-hostns-only", Degraded,
        "Services are translated in pods' namespaces too, and only a warning says so", NEWER),
    ask(Key::SocketLbTracing, "socket-lb-tracing", Degraded, "Cilium switches tracing off and logs it", NEWER),
    ask(Key::SessionAffinity, "session-affinity", Degraded,
        "affinity falls back to less than it promises, with a warning in the log", NEWER),
    Ask { word: "maglev", ..ask(Key::LbAlgorithm, "maglev", Blocking, STOPS, "Use loadBalancer.algorithm=random.") },
    ask(Key::BandwidthManager, "bandwidth-manager", Degraded,
        "Cilium switches the bandwidth manager off with a warning", NEWER),
    ask(Key::Bbr, "bbr", Blocking, STOPS, "Set it to false, or use Linux 5.18 or newer with tcp_bbr."),
    ask(Key::BigTcpIpv4, "big-tcp-ipv4", Degraded, "packets stay at 64 KiB",
        "Use a kernel and a network interface that take more than 64 KiB, or set it to false."),
    ask(Key::BigTcpIpv6, "big-tcp-ipv6", Degraded, "packets stay at 64 KiB",
        "Use a kernel and a network interface that take more than 64 KiB, or set it to false."),
    ask(Key::Tcx, "tcx", Degraded, "Cilium attaches by the clsact qdisc instead, and does not say so",
        "Nothing is broken; Linux 6.6 and newer have tcx."),
    Ask { word: "netkit", ..ask(Key::DatapathMode, "netkit", Blocking,
        "recent releases stop at start; older ones run while pods hang (cilium#33878)", "Use bpf.datapathMode=veth.") },
    Ask { word: "netkit-l2", ..ask(Key::DatapathMode, "netkit", Blocking, STOPS, "Use bpf.datapathMode=veth.") },
    Ask { word: "auto", ..ask(Key::DatapathMode, "netkit", Degraded,
        "pods get veth devices instead of netkit, without an error", "Nothing is broken; Linux 6.8 and newer have netkit.") },
    Ask { word: "vxlan", ..ask(Key::TunnelProtocol, "tunnel-vxlan", Blocking, STOPS, "Load the module vxlan.") },
    Ask { word: "geneve", ..ask(Key::TunnelProtocol, "tunnel-geneve", Blocking, STOPS, "Load the module geneve.") },
    Ask { word: "vxlan", ..ask(Key::Tunnel, "tunnel-vxlan", Blocking, STOPS, "Load the module vxlan.") },
    Ask { word: "geneve", ..ask(Key::Tunnel, "tunnel-geneve", Blocking, STOPS, "Load the module geneve.") },
    ask(Key::Ipv6, "ipv6", Blocking, STOPS, "Boot without ipv6.disable=1, or set ipv6.enabled=false."),
    ask(Key::L7Proxy, "l7-policy", Degraded, "policies for L7 and DNS do not work",
        "Install the modules xt_TPROXY, xt_mark and xt_CT, or use bpf.tproxy=true."),
    ask(Key::Tproxy, "bpf-tproxy", Degraded, "packets go to the proxy by iptables instead", NEWER),
    ask(Key::Hubble, "hubble", Degraded, "Hubble sees nothing", NEWER),
    ask(Key::EgressGateway, "egress-gateway", Blocking, STOPS, NEWER),
    ask(Key::HostFirewall, "host-firewall", Degraded, "host policies do not work", NEWER),
    ask(Key::L2Announcements, "l2-announcements", Degraded, "addresses are not announced", NEWER),
    ask(Key::LocalRedirectPolicy, "local-redirect-policy", Degraded, "redirects without loop protection", NEWER),
    ask(Key::Vtep, "vtep", Blocking, STOPS, NEWER),
    ask(Key::Srv6, "srv6", Degraded, "SRv6 does not work", NEWER),
    ask(Key::Multicast, "multicast", Degraded, "multicast does not work", NEWER),
    ask(Key::Mke, "mke", Blocking, STOPS, "Mount the cgroup v1 controller net_cls, or set it to false."),
    ask(Key::BpfMasquerade, "bpf-masquerading", Degraded, "Cilium masquerades by iptables instead", NEWER),
];

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    let given = ASKS.iter().filter_map(|ask| {
        let setting = asked.values.is(ask.key, ask.word)?;
        Some(answer(ask, setting, asked))
    });
    given.collect()
}

fn answer(ask: &Ask, setting: &Setting, asked: &Asked<'_>) -> Finding {
    let met = asked.has(ask.feature);
    if met.reason == Reason::NotInRelease {
        let message = format!("{}: this release does not have it", setting.told());
        let remedy = "Ask for a newer release, or leave the value out.";
        let it = excluded(setting, Degraded, met.reason, message, remedy);
        return Finding { evidence: met.evidence, ..it };
    }
    by_node(setting, met, ask.severity, ask.otherwise, ask.remedy)
}
