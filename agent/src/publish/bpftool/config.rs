//! `system_config`: sysctls as numbers, kernel options as strings.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Unknowns;
use crate::facts::{Facts, Observed};

/// bpftool's key and the sysctl behind it.
const SYSCTLS: [(&str, &str); 5] = [
    ("unprivileged_bpf_disabled", "kernel.unprivileged_bpf_disabled"),
    ("bpf_jit_enable", "net.core.bpf_jit_enable"),
    ("bpf_jit_harden", "net.core.bpf_jit_harden"),
    ("bpf_jit_kallsyms", "net.core.bpf_jit_kallsyms"),
    ("bpf_jit_limit", "net.core.bpf_jit_limit"),
];

/// The options that bpftool 7.5 lists, in its order.
const OPTIONS: [&str; 33] = [
    "CONFIG_BPF",
    "CONFIG_BPF_SYSCALL",
    "CONFIG_HAVE_EBPF_JIT",
    "CONFIG_BPF_JIT",
    "CONFIG_BPF_JIT_ALWAYS_ON",
    "CONFIG_DEBUG_INFO_BTF",
    "CONFIG_DEBUG_INFO_BTF_MODULES",
    "CONFIG_CGROUPS",
    "CONFIG_CGROUP_BPF",
    "CONFIG_CGROUP_NET_CLASSID",
    "CONFIG_SOCK_CGROUP_DATA",
    "CONFIG_BPF_EVENTS",
    "CONFIG_KPROBE_EVENTS",
    "CONFIG_UPROBE_EVENTS",
    "CONFIG_TRACING",
    "CONFIG_FTRACE_SYSCALLS",
    "CONFIG_FUNCTION_ERROR_INJECTION",
    "CONFIG_BPF_KPROBE_OVERRIDE",
    "CONFIG_NET",
    "CONFIG_XDP_SOCKETS",
    "CONFIG_LWTUNNEL_BPF",
    "CONFIG_NET_ACT_BPF",
    "CONFIG_NET_CLS_BPF",
    "CONFIG_NET_CLS_ACT",
    "CONFIG_NET_SCH_INGRESS",
    "CONFIG_XFRM",
    "CONFIG_IP_ROUTE_CLASSID",
    "CONFIG_IPV6_SEG6_BPF",
    "CONFIG_BPF_LIRC_MODE2",
    "CONFIG_BPF_STREAM_PARSER",
    "CONFIG_NETFILTER_XT_MATCH_BPF",
    "CONFIG_TEST_BPF",
    "CONFIG_HZ",
];

/// What bpftool prints for a sysctl that this kernel does not have.
const NO_SUCH_SYSCTL: i64 = -1;

pub(super) fn system_config<'a>(
    facts: &'a Facts,
    unknown: &mut Unknowns<'a>,
) -> BTreeMap<String, Value> {
    let mut known = BTreeMap::new();
    for (key, name) in SYSCTLS {
        match facts.security.sysctls.get(name) {
            Some(Observed::Known(value)) => {
                known.insert(key.to_owned(), number(value.as_deref()));
            }
            Some(Observed::Unknown(failure)) => unknown.add("system_config", key, failure),
            None => {}
        }
    }
    match &facts.config.kconfig {
        Observed::Known(Some(kconfig)) => known.extend(OPTIONS.map(|option| {
            let value = kconfig.options.get(option).map(String::as_str);
            (option.to_owned(), value.map_or(Value::Null, Value::from))
        })),
        // bpftool leaves them out as well.
        Observed::Known(None) => {}
        Observed::Unknown(failure) => unknown.add("system_config", "CONFIG_*", failure),
    }
    known
}

/// A sysctl's value as a number; one that is none stays text.
fn number(value: Option<&str>) -> Value {
    match value.map(str::trim) {
        None => NO_SUCH_SYSCTL.into(),
        Some(text) => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::config;

    #[test]
    fn every_option_that_bpftool_prints_is_kept() {
        for option in OPTIONS {
            assert!(config::OPTIONS.contains(&option), "{option}");
        }
    }
}
