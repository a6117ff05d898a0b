//! Attach types and link types: an attach to nothing, told apart by errno.
//!
//! The kernel first looks up what an attach type means, then the target. A target that cannot
//! exist is therefore refused with EBADF or ENODEV where the type is known and with EINVAL where
//! it is not. Nothing is ever attached.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use super::answer::Rights;
use super::insn::returns;
use super::names::{attach_type, program_type};
use super::sys::{Cmd, LinkCreate, NO_FD, ProgAttach, ProgQuery, Program, bpf, bpf_fd};
use super::{map, target::Targets};
use crate::facts::bpf::Support;
use crate::facts::btf::BtfFacts;
use crate::facts::{Cause, Observed};

/// Attach types whose programs can be listed (`BPF_PROG_QUERY`): the query of a target that is
/// none says whether the type is known, and needs no program.
const LISTABLE: [&str; 36] = [
    "cgroup_inet_ingress",
    "cgroup_inet_egress",
    "cgroup_inet_sock_create",
    "cgroup_sock_ops",
    "cgroup_device",
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
    "cgroup_inet4_getpeername",
    "cgroup_inet6_getpeername",
    "cgroup_inet4_getsockname",
    "cgroup_inet6_getsockname",
    "cgroup_inet_sock_release",
    "sk_lookup",
    "tcx_ingress",
    "tcx_egress",
    "cgroup_unix_connect",
    "cgroup_unix_sendmsg",
    "cgroup_unix_recvmsg",
    "cgroup_unix_getpeername",
    "cgroup_unix_getsockname",
    "netkit_primary",
    "netkit_peer",
    "lsm_cgroup",
];

/// Errnos of a target that does not exist.
const NO_TARGET: [Errno; 3] = [Errno::BADF, Errno::NODEV, Errno::NOENT];
/// Errnos of an unknown attach or link type; EOPNOTSUPP is that of a stub compiled in its place.
const NOT_KNOWN: [Errno; 3] = [Errno::INVAL, Errno::OPNOTSUPP, Errno::TOOBIG];
/// An interface that cannot exist: the kernel counts them from 1 in an `int`.
const NO_INTERFACE: i32 = i32::MAX;

/// Asks for each attach type that a question without a target can settle.
pub(crate) fn attach_types(rights: Rights) -> BTreeMap<String, Support> {
    let listed = LISTABLE.into_iter().map(|name| {
        let target = if is_interface(name) { NO_INTERFACE } else { NO_FD };
        let mut attr = ProgQuery { target, attach_type: attach_type(name), ..ProgQuery::default() };
        (name, rights.settle("query", bpf(Cmd::ProgQuery, &mut attr), &NO_TARGET, &NOT_KNOWN))
    });
    let sockets = [
        ("sk_skb_stream_parser", "sk_skb"),
        ("sk_skb_stream_verdict", "sk_skb"),
        ("sk_skb_verdict", "sk_skb"),
        ("sk_msg_verdict", "sk_msg"),
    ];
    let sockets = sockets.into_iter().map(|(name, kind)| (name, attach(name, kind, rights)));
    let xdp = [("xdp_devmap", "devmap"), ("xdp_cpumap", "cpumap")];
    let xdp = xdp.into_iter().map(|(name, kind)| (name, second_program(kind, rights)));
    let links = LINKS.iter().map(|it| (it.attach_type, link(it, rights)));
    let all = listed.chain(sockets).chain(xdp).chain(links);
    all.map(|(name, support)| (name.to_owned(), support)).collect()
}

/// Asks for each link type.
pub(crate) fn link_types(
    attach_types: &BTreeMap<String, Support>,
    targets: &Targets,
    btf: &Observed<BtfFacts>,
    rights: Rights,
) -> BTreeMap<String, Support> {
    let by_attach_type = [
        ("perf_event", "perf_event"),
        ("kprobe_multi", "trace_kprobe_multi"),
        ("uprobe_multi", "trace_uprobe_multi"),
        ("struct_ops", "struct_ops"),
        ("netfilter", "netfilter"),
    ];
    let known = by_attach_type.into_iter().filter_map(|(link, attach_type)| {
        Some((link.to_owned(), attach_types.get(attach_type)?.clone()))
    });
    let asked = [
        ("cgroup", to_nothing("cgroup_skb", "cgroup_inet_ingress", NO_FD, rights)),
        ("netns", to_nothing("flow_dissector", "flow_dissector", NO_FD, rights)),
        ("tcx", to_nothing("sched_cls", "tcx_ingress", NO_INTERFACE, rights)),
        ("netkit", to_nothing("sched_cls", "netkit_primary", NO_INTERFACE, rights)),
        ("sockmap", to_nothing("sk_skb", "sk_skb_stream_verdict", NO_FD, rights)),
        ("iter", iterator(targets, rights)),
        ("raw_tracepoint", named(btf, "BPF_LINK_TYPE_RAW_TRACEPOINT")),
        // XDP links answer EINVAL both to an unknown interface and to an unknown link type.
        ("xdp", named(btf, "BPF_LINK_TYPE_XDP")),
        ("tracing", named(btf, "BPF_LINK_TYPE_TRACING")),
        ("tracing_multi", named(btf, "BPF_LINK_TYPE_TRACING_MULTI")),
    ];
    known.chain(asked.map(|(name, support)| (name.to_owned(), support))).collect()
}

/// Whether BPF_LINK_CREATE exists, by a program that every kernel can load.
pub(crate) fn link_create(rights: Rights) -> Support {
    to_nothing("cgroup_skb", "cgroup_inet_ingress", NO_FD, rights)
}

/// Whether BPF_PROG_ATTACH to a cgroup exists (CONFIG_CGROUP_BPF).
pub(crate) fn cgroup_attach(rights: Rights) -> Support {
    attach("cgroup_inet_ingress", "cgroup_skb", rights)
}

fn is_interface(name: &str) -> bool {
    name.starts_with("tcx_") || name.starts_with("netkit_")
}

/// BPF_PROG_ATTACH of a program of `kind` to no descriptor.
fn attach(name: &str, kind: &'static str, rights: Rights) -> Support {
    let program = match program(kind, attach_type(name)) {
        Ok(program) => program,
        Err(errno) => return no_program(kind, errno, rights),
    };
    let mut attr = ProgAttach {
        target_fd: NO_FD,
        attach_bpf_fd: program.as_raw_fd(),
        attach_type: attach_type(name),
        attach_flags: 0,
    };
    rights.settle("attach", bpf(Cmd::ProgAttach, &mut attr), &NO_TARGET, &NOT_KNOWN)
}

/// XDP programs behind a devmap (5.8) or cpumap (5.9) entry: values of 8 bytes carry a program.
fn second_program(kind: &str, rights: Rights) -> Support {
    const WITH_PROGRAM: u32 = 8;
    let result = map::with_value(kind, WITH_PROGRAM);
    rights.settle("create", result, &[], &[Errno::INVAL, Errno::TOOBIG])
}

/// A link that is asked for with a target or a detail that cannot exist.
struct LinkQuestion {
    attach_type: &'static str,
    program_type: &'static str,
    /// Whether the attach type is also the program's expected one.
    expected: bool,
    target: i32,
    /// Errnos that a kernel with this link type gives.
    yes: &'static [Errno],
    detail: Detail,
}

/// The part of `bpf_attr.link_create` that differs by type.
#[derive(Clone, Copy)]
enum Detail {
    None,
    /// A kernel symbol that does not exist.
    Symbol,
    /// A file that cannot hold a uprobe: a directory.
    Directory,
    /// A protocol family without netfilter hooks.
    Family,
}

const LINKS: [LinkQuestion; 7] = [
    LinkQuestion {
        attach_type: "perf_event",
        program_type: "tracepoint",
        expected: false,
        target: NO_FD,
        yes: &NO_TARGET,
        detail: Detail::None,
    },
    LinkQuestion {
        attach_type: "trace_kprobe_multi",
        program_type: "kprobe",
        expected: true,
        target: 0,
        yes: &[Errno::SRCH, Errno::NOENT],
        detail: Detail::Symbol,
    },
    LinkQuestion {
        attach_type: "trace_kprobe_session",
        program_type: "kprobe",
        expected: true,
        target: 0,
        yes: &[Errno::SRCH, Errno::NOENT],
        detail: Detail::Symbol,
    },
    LinkQuestion {
        attach_type: "trace_uprobe_multi",
        program_type: "kprobe",
        expected: true,
        target: 0,
        yes: &[Errno::BADF],
        detail: Detail::Directory,
    },
    LinkQuestion {
        attach_type: "trace_uprobe_session",
        program_type: "kprobe",
        expected: true,
        target: 0,
        yes: &[Errno::BADF],
        detail: Detail::Directory,
    },
    LinkQuestion {
        attach_type: "struct_ops",
        program_type: "",
        expected: false,
        target: 0,
        yes: &NO_TARGET,
        detail: Detail::None,
    },
    LinkQuestion {
        attach_type: "netfilter",
        program_type: "netfilter",
        expected: true,
        target: 0,
        yes: &[Errno::AFNOSUPPORT],
        detail: Detail::Family,
    },
];

fn link(question: &LinkQuestion, rights: Rights) -> Support {
    let wanted = attach_type(question.attach_type);
    // A struct_ops link takes a map where others take a program.
    let program = match question.program_type {
        "" => None,
        kind => match program(kind, if question.expected { wanted } else { 0 }) {
            Ok(program) => Some(program),
            Err(errno) => return no_program(kind, errno, rights),
        },
    };
    let symbol = c"bpfready_no_such_symbol".as_ptr() as u64;
    let (symbols, offsets) = ([symbol], [1_u64]);
    let mut attr = LinkCreate {
        prog_fd: program.as_ref().map_or(NO_FD, AsRawFd::as_raw_fd),
        target: question.target,
        attach_type: wanted,
        ..LinkCreate::default()
    };
    attr.extra = match question.detail {
        Detail::None => attr.extra,
        // kprobe_multi: flags and count, symbols, addresses, cookies.
        Detail::Symbol => [pair(0, 1), symbols.as_ptr() as u64, 0, 0, 0, 0],
        // uprobe_multi: path, offsets, reference counters, cookies, count and flags, pid.
        Detail::Directory => [c"/".as_ptr() as u64, offsets.as_ptr() as u64, 0, 0, pair(1, 0), 0],
        // netfilter: family and hook, priority and flags.
        Detail::Family => [pair(u32::from(u8::MAX), 0), 0, 0, 0, 0, 0],
    };
    rights.settle("link", bpf_fd(Cmd::LinkCreate, &mut attr), question.yes, &NOT_KNOWN)
}

/// BPF_LINK_CREATE of a program that exists, to a target that does not.
fn to_nothing(kind: &'static str, name: &str, target: i32, rights: Rights) -> Support {
    let program = match program(kind, attach_type(name)) {
        Ok(program) => program,
        Err(errno) => return no_program(kind, errno, rights),
    };
    let mut attr = LinkCreate {
        prog_fd: program.as_raw_fd(),
        target,
        attach_type: attach_type(name),
        ..LinkCreate::default()
    };
    rights.settle("link", bpf_fd(Cmd::LinkCreate, &mut attr), &NO_TARGET, &NOT_KNOWN)
}

/// A link of an iterator runs only when it is read, so this one is made for real.
fn iterator(targets: &Targets, rights: Rights) -> Support {
    let attach_btf_id = match targets.of("trace_iter") {
        Ok(id) => id,
        Err(failure) => return Support::Unknown(failure),
    };
    let insns = returns(0);
    let program = Program {
        program_type: program_type("tracing"),
        expected_attach_type: attach_type("trace_iter"),
        attach_btf_id,
        insns: &insns,
        ..Program::default()
    };
    let program = match program.load() {
        Ok(program) => program,
        Err(errno) => return no_program("tracing/trace_iter", errno, rights),
    };
    let mut attr = LinkCreate {
        prog_fd: program.as_raw_fd(),
        attach_type: attach_type("trace_iter"),
        ..LinkCreate::default()
    };
    rights.settle("link", bpf_fd(Cmd::LinkCreate, &mut attr), &[], &NOT_KNOWN)
}

/// Link types that cannot be made without touching the host: whether the kernel's own enum
/// `bpf_link_type` names them.
fn named(btf: &Observed<BtfFacts>, enumerator: &str) -> Support {
    let known = btf.known().and_then(|it| it.vmlinux.as_ref());
    let Some(vmlinux) = known.filter(|it| it.enumerators.contains("BPF_LINK_TYPE_CGROUP")) else {
        return Support::unknown(Cause::Prerequisite, "needs the kernel's BTF to be read");
    };
    if vmlinux.enumerators.contains(enumerator) {
        return Support::Supported;
    }
    let detail = format!("the kernel's BTF has no {enumerator}");
    Support::unsupported(crate::facts::bpf::Because::NotInKernel, detail)
}

fn program(kind: &'static str, expected_attach_type: u32) -> Result<OwnedFd, Errno> {
    let insns = returns(1);
    let program_type = program_type(kind);
    Program { program_type, expected_attach_type, insns: &insns, ..Program::default() }.load()
}

/// Without a program of the type there is nothing to attach; where the type is proven absent, so
/// is what takes it.
fn no_program(kind: &str, errno: Errno, rights: Rights) -> Support {
    rights.settle(&format!("load {kind}"), Err::<(), _>(errno), &[], &NOT_KNOWN)
}

fn pair(low: u32, high: u32) -> u64 {
    if cfg!(target_endian = "little") {
        u64::from(high) << 32 | u64::from(low)
    } else {
        u64::from(low) << 32 | u64::from(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_type_is_claimed_absent_without_btf() {
        let btf = Observed::unknown(Cause::PermissionDenied, "");
        assert!(matches!(named(&btf, "BPF_LINK_TYPE_TRACING"), Support::Unknown(_)));
    }
}
