//! The values that are judged: what they are called in Helm and in the ConfigMap `cilium-config`,
//! and what they may be.

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named by its row in KEYS")]
pub enum Key {
    KubeProxyReplacement,
    SocketLb,
    SocketLbHostNamespaceOnly,
    SocketLbTracing,
    SessionAffinity,
    LbAlgorithm,
    Acceleration,
    DatapathMode,
    Tcx,
    BandwidthManager,
    Bbr,
    BigTcpIpv4,
    BigTcpIpv6,
    EncryptionEnabled,
    EncryptionType,
    Wireguard,
    Ipsec,
    Ztunnel,
    RoutingMode,
    TunnelProtocol,
    Tunnel,
    Underlay,
    Ipam,
    EniEnabled,
    ChainingMode,
    HostLegacyRouting,
    BpfMasquerade,
    Ipv4Masquerade,
    Ipv4,
    Ipv6,
    L7Proxy,
    Tproxy,
    XtSocketFallback,
    Hubble,
    EgressGateway,
    HostFirewall,
    L2Announcements,
    LocalRedirectPolicy,
    Vtep,
    Srv6,
    Multicast,
    Mke,
    Devices,
    AutoProtectPortRange,
    BpfAutoMount,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One or more names, as a list or separated by spaces or commas.
    Names,
}

/// One row: the value, its Helm paths, its ConfigMap keys, what it may be.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The value.
    pub key: Key,
    /// Helm paths, newest first.
    pub helm: &'static [&'static str],
    /// Keys of the ConfigMap, newest first.
    pub config: &'static [&'static str],
    /// What it may be.
    pub kind: Kind,
}

const fn row(
    key: Key,
    helm: &'static [&'static str],
    config: &'static [&'static str],
    kind: Kind,
) -> Known {
    Known { key, helm, config, kind }
}

use Kind::{Bool, Names, Word};

/// All values that are judged. Source: the charts 1.13.18 to 1.20.0-pre.3, as collected in
/// `facts/cilium.md` § 4.3.
#[rustfmt::skip]
pub const KEYS: &[Known] = &[
    row(Key::KubeProxyReplacement, &["kubeProxyReplacement"], &["kube-proxy-replacement"],
        Word(&["true", "false", "strict", "partial", "probe", "disabled"])),
    row(Key::SocketLb, &["socketLB.enabled"], &["bpf-lb-sock"], Bool),
    row(Key::SocketLbHostNamespaceOnly, &["socketLB.hostNamespaceOnly"], &["bpf-lb-sock-hostns-only"], Bool),
    row(Key::SocketLbTracing, &["socketLB.tracing"], &["trace-sock"], Bool),
    row(Key::SessionAffinity, &["sessionAffinity"], &["enable-session-affinity"], Bool),
    row(Key::LbAlgorithm, &["loadBalancer.algorithm"], &["bpf-lb-algorithm"], Word(&["random", "maglev"])),
    row(Key::Acceleration, &["loadBalancer.acceleration"], &["bpf-lb-acceleration"],
        Word(&["disabled", "native", "best-effort", "generic", "testing-only"])),
    row(Key::DatapathMode, &["bpf.datapathMode"], &["datapath-mode"],
        Word(&["veth", "netkit", "netkit-l2", "auto", "lb-only"])),
    row(Key::Tcx, &["bpf.enableTCX"], &["enable-tcx"], Bool),
    row(Key::BandwidthManager, &["bandwidthManager.enabled"], &["enable-bandwidth-manager"], Bool),
    row(Key::Bbr, &["bandwidthManager.bbr"], &["enable-bbr"], Bool),
    row(Key::BigTcpIpv4, &["enableIPv4BIGTCP"], &["enable-ipv4-big-tcp"], Bool),
    row(Key::BigTcpIpv6, &["enableIPv6BIGTCP"], &["enable-ipv6-big-tcp"], Bool),
    row(Key::EncryptionEnabled, &["encryption.enabled"], &[], Bool),
    row(Key::EncryptionType, &["encryption.type"], &[], Word(&["ipsec", "wireguard", "ztunnel"])),
    row(Key::Wireguard, &[], &["enable-wireguard"], Bool),
    row(Key::Ipsec, &[], &["enable-ipsec"], Bool),
    row(Key::Ztunnel, &[], &["enable-ztunnel"], Bool),
    row(Key::RoutingMode, &["routingMode"], &["routing-mode"], Word(&["native", "tunnel", "hybrid"])),
    row(Key::TunnelProtocol, &["tunnelProtocol"], &["tunnel-protocol"], Word(&["vxlan", "geneve"])),
    row(Key::Tunnel, &["tunnel"], &["tunnel"], Word(&["vxlan", "geneve", "disabled"])),
    row(Key::Underlay, &["underlayProtocol"], &["underlay-protocol"], Word(&["ipv4", "ipv6", "auto"])),
    row(Key::Ipam, &["ipam.mode"], &["ipam"], Names),
    row(Key::EniEnabled, &["eni.enabled"], &[], Bool),
    row(Key::ChainingMode, &["cni.chainingMode"], &["cni-chaining-mode"],
        Word(&["none", "aws-cni", "flannel", "generic-veth", "portmap"])),
    row(Key::HostLegacyRouting, &["bpf.hostLegacyRouting"], &["enable-host-legacy-routing"], Bool),
    row(Key::BpfMasquerade, &["bpf.masquerade"], &["enable-bpf-masquerade"], Bool),
    row(Key::Ipv4Masquerade, &["enableIPv4Masquerade"], &["enable-ipv4-masquerade"], Bool),
    row(Key::Ipv4, &["ipv4.enabled"], &["enable-ipv4"], Bool),
    row(Key::Ipv6, &["ipv6.enabled"], &["enable-ipv6"], Bool),
    row(Key::L7Proxy, &["l7Proxy"], &["enable-l7-proxy"], Bool),
    row(Key::Tproxy, &["bpf.tproxy"], &["enable-bpf-tproxy"], Bool),
    row(Key::XtSocketFallback, &["enableXTSocketFallback"], &["enable-xt-socket-fallback"], Bool),
    row(Key::Hubble, &["hubble.enabled"], &["enable-hubble"], Bool),
    row(Key::EgressGateway, &["egressGateway.enabled"], &["enable-egress-gateway", "enable-ipv4-egress-gateway"], Bool),
    row(Key::HostFirewall, &["hostFirewall.enabled"], &["enable-host-firewall"], Bool),
    row(Key::L2Announcements, &["l2announcements.enabled"], &["enable-l2-announcements"], Bool),
    row(Key::LocalRedirectPolicy, &["localRedirectPolicies.enabled", "localRedirectPolicy"], &["enable-local-redirect-policy"], Bool),
    row(Key::Vtep, &["vtep.enabled"], &["enable-vtep"], Bool),
    row(Key::Srv6, &[], &["enable-srv6"], Bool),
    row(Key::Multicast, &["multicast.enabled"], &["multicast-enabled"], Bool),
    row(Key::Mke, &[], &["enable-mke"], Bool),
    row(Key::Devices, &["devices"], &["devices"], Names),
    row(Key::AutoProtectPortRange, &["nodePort.autoProtectPortRange"], &["enable-auto-protect-node-port-range"], Bool),
    row(Key::BpfAutoMount, &["bpf.autoMount.enabled"], &[], Bool),
];

/// The row that this Helm path or ConfigMap key belongs to.
pub(super) fn find(name: &str, helm: bool) -> Option<&'static Known> {
    KEYS.iter().find(|it| if helm { it.helm } else { it.config }.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_one_value() {
        for helm in [true, false] {
            let of = |it: &Known| if helm { it.helm } else { it.config };
            let names: Vec<&str> = KEYS.iter().flat_map(of).copied().collect();
            for name in &names {
                assert_eq!(names.iter().filter(|it| it == &name).count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn every_value_can_be_given_in_some_form() {
        for it in KEYS {
            assert!(!it.helm.is_empty() || !it.config.is_empty(), "{:?}", it.key);
            assert_eq!(KEYS.iter().filter(|other| other.key == it.key).count(), 1);
        }
    }
}
