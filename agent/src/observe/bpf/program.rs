//! Program types, each for every attach type that the kernel checks at load.
//!
//! The type alone is the wrong unit: `tracing` for an iterator and for fentry are different
//! questions with different answers. Types whose attach type the kernel does not look at until
//! they are attached (XDP, sched_cls for tcx) have no entry here; `attach.rs` asks for those.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::answer::{ENOTSUPP, Rights};
use super::insn::returns;
use super::names::{ATTACH_TYPES, PROGRAM_TYPES, attach_type, program_type};
use super::sys::{Log, Program};
use super::target::Targets;
use crate::facts::bpf::{ProgramSupport, Support};
use crate::facts::{Cause, Failure};

/// `BPF_F_SLEEPABLE`; programs of type `syscall` must have it.
pub(crate) const SLEEPABLE: u32 = 1 << 4;

/// How a program of one type is loaded.
pub(crate) struct Kind {
    /// Lower-case name.
    pub(crate) name: &'static str,
    /// Attach types that the kernel checks at load; empty: it checks none.
    pub(crate) attach_types: &'static [u32],
    /// A value that every attach type of this kind lets a program return.
    value: i32,
    flags: u32,
}

const CGROUP_SOCK_ADDR: [u32; 17] = [
    attach_type("cgroup_inet4_connect"),
    attach_type("cgroup_inet6_connect"),
    attach_type("cgroup_inet4_bind"),
    attach_type("cgroup_inet6_bind"),
    attach_type("cgroup_udp4_sendmsg"),
    attach_type("cgroup_udp6_sendmsg"),
    attach_type("cgroup_udp4_recvmsg"),
    attach_type("cgroup_udp6_recvmsg"),
    attach_type("cgroup_inet4_getpeername"),
    attach_type("cgroup_inet6_getpeername"),
    attach_type("cgroup_inet4_getsockname"),
    attach_type("cgroup_inet6_getsockname"),
    attach_type("cgroup_unix_connect"),
    attach_type("cgroup_unix_sendmsg"),
    attach_type("cgroup_unix_recvmsg"),
    attach_type("cgroup_unix_getpeername"),
    attach_type("cgroup_unix_getsockname"),
];

const CGROUP_SOCK: [u32; 4] = [
    attach_type("cgroup_inet_sock_create"),
    attach_type("cgroup_inet4_post_bind"),
    attach_type("cgroup_inet6_post_bind"),
    attach_type("cgroup_inet_sock_release"),
];

const CGROUP_SKB: [u32; 2] =
    [attach_type("cgroup_inet_ingress"), attach_type("cgroup_inet_egress")];
const CGROUP_SOCKOPT: [u32; 2] =
    [attach_type("cgroup_getsockopt"), attach_type("cgroup_setsockopt")];
const SK_LOOKUP: [u32; 1] = [attach_type("sk_lookup")];
const SK_REUSEPORT: [u32; 2] =
    [attach_type("sk_reuseport_select"), attach_type("sk_reuseport_select_or_migrate")];
const NETFILTER: [u32; 1] = [attach_type("netfilter")];

/// Attach types of the types that are loaded for a place in the kernel's BTF.
pub(crate) const TRACING: [u32; 6] = [
    attach_type("trace_raw_tp"),
    attach_type("trace_fentry"),
    attach_type("trace_fexit"),
    attach_type("modify_return"),
    attach_type("trace_iter"),
    attach_type("trace_fsession"),
];
/// Likewise, for `lsm`.
pub(crate) const LSM: [u32; 2] = [attach_type("lsm_mac"), attach_type("lsm_cgroup")];

/// How each type is loaded, by its place in [`PROGRAM_TYPES`].
pub(crate) fn kind(name: &'static str) -> Kind {
    let (attach_types, value, flags): (&[u32], i32, u32) = match name {
        "cgroup_skb" => (&CGROUP_SKB, 1, 0),
        "cgroup_sock" => (&CGROUP_SOCK, 1, 0),
        "cgroup_sock_addr" => (&CGROUP_SOCK_ADDR, 1, 0),
        "cgroup_sockopt" => (&CGROUP_SOCKOPT, 1, 0),
        "sk_lookup" => (&SK_LOOKUP, 1, 0),
        "sk_reuseport" => (&SK_REUSEPORT, 1, 0),
        "netfilter" => (&NETFILTER, 1, 0),
        "tracing" => (&TRACING, 0, 0),
        "lsm" => (&LSM, 0, 0),
        "syscall" => (&[], 0, SLEEPABLE),
        _ => (&[], 0, 0),
    };
    Kind { name, attach_types, value, flags }
}

/// One way to load a type, with everything the load needs.
pub(crate) struct Variant {
    /// Name of the attach type; `None`: the type has none.
    pub(crate) attach_type: Option<&'static str>,
    /// The load, without instructions.
    pub(crate) program: Program<'static>,
}

impl Kind {
    /// Every way to load this type. An `Err` names an attach type for which this kernel's BTF has
    /// no place to attach to, or says that there is no BTF to look in.
    pub(crate) fn variants(&self, targets: &Targets) -> Vec<Result<Variant, Missing>> {
        let base = Program {
            program_type: program_type(self.name),
            flags: self.flags,
            ..Program::default()
        };
        if self.name == "struct_ops" {
            return vec![struct_ops(base, targets)];
        }
        if self.attach_types.is_empty() {
            return vec![Ok(Variant { attach_type: None, program: base })];
        }
        self.attach_types.iter().map(|it| self.variant(base, *it, targets)).collect()
    }

    fn variant(
        &self,
        base: Program<'static>,
        attach_type: u32,
        targets: &Targets,
    ) -> Result<Variant, Missing> {
        let name = ATTACH_TYPES[attach_type as usize];
        let program = Program { expected_attach_type: attach_type, ..base };
        if !matches!(self.name, "tracing" | "lsm") {
            return Ok(Variant { attach_type: Some(name), program });
        }
        match targets.of(name) {
            Ok(attach_btf_id) => Ok(Variant {
                attach_type: Some(name),
                program: Program { attach_btf_id, ..program },
            }),
            Err(failure) => Err(Missing { attach_type: name, failure }),
        }
    }

    /// A value that the type lets a program return.
    pub(crate) fn value(&self) -> i32 {
        self.value
    }
}

/// A way to load that cannot be tried here.
pub(crate) struct Missing {
    /// Name of the attach type.
    pub(crate) attach_type: &'static str,
    /// Why not.
    pub(crate) failure: Failure,
}

/// A struct_ops program implements one member of one struct; `tcp_congestion_ops.ssthresh` is the
/// oldest there is (5.6).
fn struct_ops(base: Program<'static>, targets: &Targets) -> Result<Variant, Missing> {
    let name = "struct_ops";
    match targets.struct_ops() {
        Ok((attach_btf_id, member)) => Ok(Variant {
            attach_type: Some(name),
            program: Program { attach_btf_id, expected_attach_type: member, ..base },
        }),
        Err(failure) => Err(Missing { attach_type: name, failure }),
    }
}

/// Asks for one program type.
pub(crate) fn ask(name: &'static str, targets: &Targets, rights: Rights) -> ProgramSupport {
    if name == "ext" {
        return ProgramSupport { load: extension(rights), by_attach_type: BTreeMap::new() };
    }
    let kind = kind(name);
    let mut by_attach_type = BTreeMap::new();
    let mut alone = None;
    for variant in kind.variants(targets) {
        match variant {
            Ok(Variant { attach_type, program }) => {
                let support = load(&kind, program, rights);
                match attach_type {
                    Some(it) => {
                        by_attach_type.insert(it.to_owned(), support);
                    }
                    None => alone = Some(support),
                }
            }
            Err(Missing { attach_type, failure }) => {
                by_attach_type.insert(attach_type.to_owned(), Support::Unknown(failure));
            }
        }
    }
    let load = alone.unwrap_or_else(|| any_of(&by_attach_type));
    ProgramSupport { load, by_attach_type }
}

/// Whether a type is loaded for a place that only the kernel's BTF tells.
pub(crate) fn needs_btf(name: &str) -> bool {
    matches!(name, "tracing" | "lsm" | "struct_ops")
}

/// All program types by name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROGRAM_TYPES.into_iter()
}

fn load(kind: &Kind, program: Program<'_>, rights: Rights) -> Support {
    let insns = returns(kind.value());
    let result = Program { insns: &insns, ..program }.load();
    // ENOTSUPP of a struct_ops program: the struct is known and not built in; the type is there.
    let yes: &[Errno] = if kind.name == "struct_ops" { &[ENOTSUPP] } else { &[] };
    rights.settle("load", result, yes, &[Errno::INVAL, Errno::TOOBIG])
}

/// Yes if any is yes; no if all are no; else the first unknown.
fn any_of(answers: &BTreeMap<String, Support>) -> Support {
    let find = |wanted: &str| answers.values().find(|it| it.as_str() == wanted).cloned();
    find("supported")
        .or_else(|| find("unknown"))
        .or_else(|| find("unsupported"))
        .unwrap_or_else(|| Support::unknown(Cause::Inconclusive, "no attach type could be tried"))
}

/// An `ext` program replaces a function of another program, so without one it cannot load. The
/// verifier says so only where it knows the type (`check_attach_btf_id`, Linux 5.6).
fn extension(rights: Rights) -> Support {
    let insns = returns(0);
    let program = Program {
        program_type: program_type("ext"),
        attach_btf_id: 1,
        insns: &insns,
        ..Program::default()
    };
    let mut log = Log::new();
    match program.load_logged(&mut log) {
        Ok(_) => Support::Supported,
        Err(_) if log.text().contains("Cannot replace kernel functions") => Support::Supported,
        Err(errno @ (Errno::INVAL | Errno::TOOBIG)) if log.text().is_empty() => {
            rights.absent("load", errno)
        }
        Err(errno) => rights.undecided("load", errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::bpf::Because;

    fn answers(list: &[Support]) -> BTreeMap<String, Support> {
        list.iter().enumerate().map(|(at, it)| (at.to_string(), it.clone())).collect()
    }

    #[test]
    fn one_attach_type_is_enough_for_the_type() {
        let no = Support::unsupported(Because::NotInKernel, "");
        let unknown = Support::unknown(Cause::PermissionDenied, "");
        assert_eq!(any_of(&answers(&[no.clone(), Support::Supported])), Support::Supported);
        assert_eq!(any_of(&answers(&[no.clone(), unknown.clone()])), unknown);
        assert_eq!(any_of(&answers(&[no.clone(), no.clone()])), no);
    }

    #[test]
    fn every_program_type_has_a_way_to_load() {
        let nothing = Targets::none(Failure::new(Cause::Prerequisite, "no BTF"));
        for name in names().filter(|it| *it != "ext") {
            assert!(!kind(name).variants(&nothing).is_empty(), "{name}");
        }
    }
}
