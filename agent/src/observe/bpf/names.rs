//! The kernel's numbers and names: `include/uapi/linux/bpf.h` of Linux 7.2, lower case, without
//! the enum's prefix. Order and spelling are the kernel's; a number never changes its meaning.

/// `enum bpf_prog_type`, from 1 on.
pub(crate) const PROGRAM_TYPES: [&str; 32] = [
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

/// `enum bpf_attach_type`, from 0 on.
pub(crate) const ATTACH_TYPES: [&str; 62] = [
    "cgroup_inet_ingress",
    "cgroup_inet_egress",
    "cgroup_inet_sock_create",
    "cgroup_sock_ops",
    "sk_skb_stream_parser",
    "sk_skb_stream_verdict",
    "cgroup_device",
    "sk_msg_verdict",
    "cgroup_inet4_bind",
    "cgroup_inet6_bind",
    "cgroup_inet4_connect",
    "cgroup_inet6_connect",
    "cgroup_inet4_post_bind",
    "cgroup_inet6_post_bind",
    "cgroup_udp4_sendmsg",
    "cgroup_udp6_sendmsg",
    "lirc_mode2",
    "flow_dissector",
    "cgroup_sysctl",
    "cgroup_udp4_recvmsg",
    "cgroup_udp6_recvmsg",
    "cgroup_getsockopt",
    "cgroup_setsockopt",
    "trace_raw_tp",
    "trace_fentry",
    "trace_fexit",
    "modify_return",
    "lsm_mac",
    "trace_iter",
    "cgroup_inet4_getpeername",
    "cgroup_inet6_getpeername",
    "cgroup_inet4_getsockname",
    "cgroup_inet6_getsockname",
    "xdp_devmap",
    "cgroup_inet_sock_release",
    "xdp_cpumap",
    "sk_lookup",
    "xdp",
    "sk_skb_verdict",
    "sk_reuseport_select",
    "sk_reuseport_select_or_migrate",
    "perf_event",
    "trace_kprobe_multi",
    "lsm_cgroup",
    "struct_ops",
    "netfilter",
    "tcx_ingress",
    "tcx_egress",
    "trace_uprobe_multi",
    "cgroup_unix_connect",
    "cgroup_unix_sendmsg",
    "cgroup_unix_recvmsg",
    "cgroup_unix_getpeername",
    "cgroup_unix_getsockname",
    "netkit_primary",
    "netkit_peer",
    "trace_kprobe_session",
    "trace_uprobe_session",
    "trace_fsession",
    "trace_fentry_multi",
    "trace_fexit_multi",
    "trace_fsession_multi",
];

/// `enum bpf_link_type`, from 1 on.
#[cfg(test)]
pub(crate) const LINK_TYPES: [&str; 15] = [
    "raw_tracepoint",
    "tracing",
    "cgroup",
    "iter",
    "netns",
    "xdp",
    "perf_event",
    "kprobe_multi",
    "struct_ops",
    "netfilter",
    "tcx",
    "uprobe_multi",
    "netkit",
    "sockmap",
    "tracing_multi",
];

/// `enum bpf_map_type`, from 1 on.
pub(crate) const MAP_TYPES: [&str; 35] = [
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
    "insn_array",
    "rhash",
];

/// The number of a program type; the names are this file's own.
pub(crate) const fn program_type(name: &str) -> u32 {
    position(&PROGRAM_TYPES, name) + 1
}

/// The name of a program type; a number that this build has no name for is its own name.
#[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "the agent alone names them"))]
pub(crate) fn program_type_name(number: u32) -> String {
    let index = number.checked_sub(1).and_then(|it| usize::try_from(it).ok());
    let name = index.and_then(|it| PROGRAM_TYPES.get(it));
    name.map_or_else(|| number.to_string(), ToString::to_string)
}

/// The number of an attach type.
pub(crate) const fn attach_type(name: &str) -> u32 {
    position(&ATTACH_TYPES, name)
}

/// The number of a map type.
pub(crate) const fn map_type(name: &str) -> u32 {
    position(&MAP_TYPES, name) + 1
}

/// Where `name` stands in `table`; a name that is not there does not compile in a constant.
const fn position(table: &[&str], name: &str) -> u32 {
    let mut at = 0;
    while at < table.len() {
        if same(table[at].as_bytes(), name.as_bytes()) {
            return at as u32;
        }
        at += 1;
    }
    panic!("no such name")
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::btf::{self, Btf};
    use crate::observe::{Host, bpf::helper_names::HELPERS};

    /// Every name that the running kernel knows has the number the kernel gives it.
    #[track_caller]
    fn expect(btf: &Btf, kernel_enum: &str, prefix: &str, names: &[&str], first: i64) {
        let mut known = 0;
        for (number, name) in (first..).zip(names) {
            let enumerator = format!("{prefix}{}", name.to_uppercase());
            if let Some(kernels) = btf.enum_value(kernel_enum, &enumerator) {
                assert_eq!(kernels, number, "{enumerator}");
                known += 1;
            }
        }
        assert!(known >= 8, "only {known} names of {kernel_enum} were found");
    }

    #[test]
    fn the_numbers_are_the_running_kernels() {
        let host = Host::live().unwrap();
        let btf = btf::load(&host);
        let btf = btf.known().and_then(Option::as_ref).expect("a kernel with BTF");
        expect(btf, "bpf_prog_type", "BPF_PROG_TYPE_", &PROGRAM_TYPES, 1);
        expect(btf, "bpf_attach_type", "BPF_", &ATTACH_TYPES, 0);
        expect(btf, "bpf_link_type", "BPF_LINK_TYPE_", &LINK_TYPES, 1);
        expect(btf, "bpf_map_type", "BPF_MAP_TYPE_", &MAP_TYPES, 1);
    }

    #[test]
    fn the_helpers_numbers_are_the_running_kernels() {
        let host = Host::live().unwrap();
        let btf = btf::load(&host);
        let btf = btf.known().and_then(Option::as_ref).expect("a kernel with BTF");
        for (number, name) in (1..).zip(HELPERS) {
            let kernels = btf.enum_value("bpf_func_id", &format!("BPF_FUNC_{name}"));
            assert!(kernels.is_none_or(|it| it == number), "{name}: {kernels:?}");
        }
    }
}
