//! Which modules are looked for.

/// A module that Cilium, or a datapath that it replaces, may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// The kernel's name, with `_` for `-`.
    pub name: &'static str,
    /// The option that builds it.
    pub option: &'static str,
    /// The option that built it in older kernels, and that newer ones still have for something
    /// else: set alone, it says nothing.
    pub formerly: Option<&'static str>,
}

/// The modules that are looked for, sorted by name. `netkit` can only be built in.
///
/// From Linux 6.10 on, `ip_tables` and `ip6_tables` are built by options that end in `_LEGACY`.
#[rustfmt::skip]
pub const MODULES: [Module; 54] = [
    Module { name: "act_bpf", option: "CONFIG_NET_ACT_BPF", formerly: None },
    Module { name: "af_alg", option: "CONFIG_CRYPTO_USER_API", formerly: None },
    Module { name: "algif_hash", option: "CONFIG_CRYPTO_USER_API_HASH", formerly: None },
    Module { name: "br_netfilter", option: "CONFIG_BRIDGE_NETFILTER", formerly: None },
    Module { name: "bridge", option: "CONFIG_BRIDGE", formerly: None },
    Module { name: "cls_bpf", option: "CONFIG_NET_CLS_BPF", formerly: None },
    Module { name: "dummy", option: "CONFIG_DUMMY", formerly: None },
    Module { name: "esp4", option: "CONFIG_INET_ESP", formerly: None },
    Module { name: "esp6", option: "CONFIG_INET6_ESP", formerly: None },
    Module { name: "gcm", option: "CONFIG_CRYPTO_GCM", formerly: None },
    Module { name: "geneve", option: "CONFIG_GENEVE", formerly: None },
    Module { name: "inet_diag", option: "CONFIG_INET_DIAG", formerly: None },
    Module { name: "ip6_tables", option: "CONFIG_IP6_NF_IPTABLES_LEGACY", formerly: Some("CONFIG_IP6_NF_IPTABLES") },
    Module { name: "ip6_tunnel", option: "CONFIG_IPV6_TUNNEL", formerly: None },
    Module { name: "ip6table_filter", option: "CONFIG_IP6_NF_FILTER", formerly: None },
    Module { name: "ip6table_mangle", option: "CONFIG_IP6_NF_MANGLE", formerly: None },
    Module { name: "ip6table_nat", option: "CONFIG_IP6_NF_NAT", formerly: None },
    Module { name: "ip6table_raw", option: "CONFIG_IP6_NF_RAW", formerly: None },
    Module { name: "ip_set", option: "CONFIG_IP_SET", formerly: None },
    Module { name: "ip_set_hash_ip", option: "CONFIG_IP_SET_HASH_IP", formerly: None },
    Module { name: "ip_tables", option: "CONFIG_IP_NF_IPTABLES_LEGACY", formerly: Some("CONFIG_IP_NF_IPTABLES") },
    Module { name: "ip_vs", option: "CONFIG_IP_VS", formerly: None },
    Module { name: "ipip", option: "CONFIG_NET_IPIP", formerly: None },
    Module { name: "iptable_filter", option: "CONFIG_IP_NF_FILTER", formerly: None },
    Module { name: "iptable_mangle", option: "CONFIG_IP_NF_MANGLE", formerly: None },
    Module { name: "iptable_nat", option: "CONFIG_IP_NF_NAT", formerly: None },
    Module { name: "iptable_raw", option: "CONFIG_IP_NF_RAW", formerly: None },
    Module { name: "ipv6", option: "CONFIG_IPV6", formerly: None },
    Module { name: "netkit", option: "CONFIG_NETKIT", formerly: None },
    Module { name: "nf_conntrack", option: "CONFIG_NF_CONNTRACK", formerly: None },
    Module { name: "nf_tables", option: "CONFIG_NF_TABLES", formerly: None },
    Module { name: "sch_fq", option: "CONFIG_NET_SCH_FQ", formerly: None },
    Module { name: "sch_ingress", option: "CONFIG_NET_SCH_INGRESS", formerly: None },
    Module { name: "seqiv", option: "CONFIG_CRYPTO_SEQIV", formerly: None },
    Module { name: "sit", option: "CONFIG_IPV6_SIT", formerly: None },
    Module { name: "tcp_bbr", option: "CONFIG_TCP_CONG_BBR", formerly: None },
    Module { name: "tcp_diag", option: "CONFIG_INET_TCP_DIAG", formerly: None },
    Module { name: "udp_diag", option: "CONFIG_INET_UDP_DIAG", formerly: None },
    Module { name: "veth", option: "CONFIG_VETH", formerly: None },
    Module { name: "vxlan", option: "CONFIG_VXLAN", formerly: None },
    Module { name: "wireguard", option: "CONFIG_WIREGUARD", formerly: None },
    Module { name: "x_tables", option: "CONFIG_NETFILTER_XTABLES", formerly: None },
    Module { name: "xfrm_algo", option: "CONFIG_XFRM_ALGO", formerly: None },
    Module { name: "xfrm_interface", option: "CONFIG_XFRM_INTERFACE", formerly: None },
    Module { name: "xfrm_user", option: "CONFIG_XFRM_USER", formerly: None },
    Module { name: "xt_CT", option: "CONFIG_NETFILTER_XT_TARGET_CT", formerly: None },
    Module { name: "xt_TPROXY", option: "CONFIG_NETFILTER_XT_TARGET_TPROXY", formerly: None },
    Module { name: "xt_addrtype", option: "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE", formerly: None },
    Module { name: "xt_comment", option: "CONFIG_NETFILTER_XT_MATCH_COMMENT", formerly: None },
    Module { name: "xt_connmark", option: "CONFIG_NETFILTER_XT_CONNMARK", formerly: None },
    Module { name: "xt_conntrack", option: "CONFIG_NETFILTER_XT_MATCH_CONNTRACK", formerly: None },
    Module { name: "xt_mark", option: "CONFIG_NETFILTER_XT_MARK", formerly: None },
    Module { name: "xt_set", option: "CONFIG_NETFILTER_XT_SET", formerly: None },
    Module { name: "xt_socket", option: "CONFIG_NETFILTER_XT_MATCH_SOCKET", formerly: None },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::config::OPTIONS;

    #[test]
    fn every_option_that_builds_a_module_is_kept() {
        for module in MODULES {
            assert!(OPTIONS.contains(&module.option), "{}", module.option);
            assert!(module.formerly.is_none_or(|it| OPTIONS.contains(&it)), "{}", module.name);
        }
    }

    #[test]
    fn modules_are_sorted_and_named_as_the_kernel_names_them() {
        assert!(MODULES.is_sorted_by_key(|it| it.name));
        assert!(MODULES.iter().all(|it| !it.name.contains('-')));
    }
}
