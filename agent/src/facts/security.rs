//! What the kernel's security settings allow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Observed;

/// LSMs, lockdown and sysctls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityFacts {
    /// Active LSMs in the order the kernel asks them, from securityfs, else
    /// lsm_list_modules(2) (Linux 6.8). `Known(None)`: neither source exists here, so nothing is
    /// said about any LSM.
    pub lsms: Observed<Option<LsmList>>,
    /// Active lockdown mode; `Known(None)`: the lockdown LSM is not active. Unknown where it is
    /// active, or may be, and securityfs is not mounted.
    pub lockdown: Observed<Option<Lockdown>>,
    /// sysctls by name (`net.core.bpf_jit_enable`), all of [`SYSCTLS`]; `Known(None)`: this kernel
    /// has no such sysctl.
    pub sysctls: BTreeMap<String, Observed<Option<String>>>,
}

/// The sysctls that are read: those that decide what bpf(2) allows and shows, and those that Cilium
/// needs, changes or stumbles over.
pub const SYSCTLS: [&str; 31] = [
    "kernel.bpf_stats_enabled",
    "kernel.kptr_restrict",
    "kernel.modules_disabled",
    "kernel.perf_event_paranoid",
    "kernel.unprivileged_bpf_disabled",
    "net.core.bpf_jit_enable",
    "net.core.bpf_jit_harden",
    "net.core.bpf_jit_kallsyms",
    "net.core.bpf_jit_limit",
    "net.core.default_qdisc",
    "net.core.netdev_max_backlog",
    "net.core.somaxconn",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.fib_multipath_use_neigh",
    "net.ipv4.ip_early_demux",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_available_congestion_control",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_early_demux",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.udp_early_demux",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.disable_ipv6",
    "net.ipv6.conf.lo.disable_ipv6",
    "net.netfilter.nf_conntrack_max",
];

/// The active LSMs and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LsmList {
    /// Names as the kernel prints them, such as `bpf`.
    pub names: Vec<String>,
    /// Where the list came from.
    pub source: LsmSource,
}

/// Who listed the LSMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LsmSource {
    /// `/sys/kernel/security/lsm`.
    Securityfs,
    /// lsm_list_modules(2).
    LsmListModules,
}

/// Kernel lockdown mode, `security/lockdown/lockdown.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lockdown {
    /// Nothing is locked down.
    None,
    /// User space cannot change the kernel.
    Integrity,
    /// User space cannot read kernel secrets either: tracing helpers are refused.
    Confidentiality,
}
