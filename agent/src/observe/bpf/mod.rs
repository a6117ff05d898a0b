//! What bpf(2) answers, question by question.
//!
//! Everything is asked by trying: programs are loaded and thrown away, maps created and thrown
//! away, attaching is tried to targets that cannot exist. `answer.rs` says what an errno proves.

pub(super) mod answer;
mod attach;
mod attr;
mod blob;
mod callback;
mod crew;
mod early;
mod feature;
mod gadget;
mod guarded;
mod helper;
mod helper_names;
pub(super) mod insn;
mod map;
mod matrix;
pub(crate) mod names;
mod packet;
mod perf;
mod program;
pub(super) mod query;
pub(super) mod sys;
mod target;
mod usual;

use std::collections::BTreeMap;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Host;
use super::btf::Btf;
use crate::facts::bpf::{Because, BpfFacts, Support};
use crate::facts::btf::BtfFacts;
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Failure, Observed};
use answer::Rights;
use early::Asked;
pub use early::{Early, early_beside};
use matrix::Matrix;
use target::Targets;

/// What the questions rest on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The rights of this process.
    pub privilege: &'a Observed<Privilege>,
    /// The kernel's BTF, to find places that programs can be loaded for.
    pub vmlinux: &'a Observed<Option<Btf>>,
    /// What that BTF says.
    pub btf: &'a Observed<BtfFacts>,
}

/// Asks bpf(2) everything there is to ask; `early` says what was asked already.
pub fn bpf(host: &Host, ground: Ground<'_>, early: Early) -> BpfFacts {
    host.ask("bpf", || live(host, ground, early), |failure| unknown(&failure))
}

/// Facts in which nothing is known, for this reason.
pub fn unknown(failure: &Failure) -> BpfFacts {
    let unknown = || Support::Unknown(failure.clone());
    BpfFacts {
        syscall: unknown(),
        programs: BTreeMap::new(),
        maps: BTreeMap::new(),
        map_flags: BTreeMap::new(),
        helpers: Observed::Unknown(failure.clone()),
        attach_types: BTreeMap::new(),
        link_types: BTreeMap::new(),
        features: BTreeMap::new(),
    }
}

fn live(host: &Host, ground: Ground<'_>, early: Early) -> BpfFacts {
    let rights = Rights::of(ground.privilege);
    let early = early.0.or_else(|| Asked::beside(rights, || ()).0);
    let Some(mut asked) = early else { return unknown(&panicked("a program type")) };
    let targets = Targets::find(ground.vmlinux);
    let names: Vec<_> = program::names().filter(|it| program::needs_btf(it)).collect();
    let answers = crew::share(&names, |name| program::ask(name, &targets, rights));
    asked.programs.extend(names.iter().map(|it| (*it).to_owned()).zip(answers));
    let matrix = Matrix::new(&asked, &targets, ground.btf, rights);
    let (helpers, mut facts) = matrix.ask(|| {
        let needs = map::Needs::new();
        let attach_types = attach::attach_types(rights);
        let mut features = feature::ask(&targets, rights);
        features.extend(perf::ask(host));
        BpfFacts {
            syscall: syscall(rights),
            maps: map::names().map(|it| (it.to_owned(), map::ask(it, &needs, rights))).collect(),
            map_flags: map::flags(&needs, rights),
            helpers: Observed::unknown(Cause::Prerequisite, "not asked yet"),
            link_types: attach::link_types(&attach_types, &targets, ground.btf, rights),
            attach_types,
            features,
            programs: asked.programs.clone(),
        }
    });
    facts.helpers = helpers.map_err(|_| panicked("a helper")).into();
    facts
}

fn panicked(at: &str) -> Failure {
    Failure::new(Cause::Panicked, format!("the probe of {at} panicked; please report this"))
}

/// Before Linux 5.11 maps and programs count against RLIMIT_MEMLOCK, and too many give EPERM.
/// What may not be lifted stays: the answers are then "could not tell".
pub(super) fn lift_memory_limit() {
    let now = getrlimit(Resource::Memlock);
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let highest = Rlimit { current: now.maximum, maximum: now.maximum };
        if let Err(errno) = setrlimit(Resource::Memlock, highest) {
            tracing::debug!(%errno, "RLIMIT_MEMLOCK stays as it is");
        }
    }
}

/// There where the kernel was built with bpf(2), also where a call of it is refused; it shows the
/// kernel's own word (`kernel/bpf/syscall.c`, before Linux 5.18 `kernel/sysctl.c`).
const SYSCTL: &str = "/proc/sys/kernel/unprivileged_bpf_disabled";

/// Whether there is a bpf(2) at all: only ENOSYS says no, and only if the kernel said it, which
/// neither a seccomp filter nor an emulator (qemu-user) nor a sandbox is.
fn syscall(rights: Rights) -> Support {
    let insns = insn::returns(0);
    let program = sys::Program {
        program_type: names::program_type("socket_filter"),
        insns: &insns,
        ..sys::Program::default()
    };
    match program.load() {
        Err(Errno::NOSYS) if !rights.filtered && Path::new(SYSCTL).exists() => {
            let detail = format!("bpf(2): ENOSYS, but the kernel has it ({SYSCTL}): an emulator?");
            Support::Unknown(Failure::new(Cause::Inconclusive, detail))
        }
        Err(Errno::NOSYS) if !rights.filtered => {
            Support::unsupported(Because::NotInKernel, "bpf(2): ENOSYS")
        }
        Err(errno @ (Errno::NOSYS | Errno::PERM | Errno::ACCESS)) => {
            rights.undecided("bpf(2)", errno)
        }
        Ok(_) | Err(_) => Support::Supported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::bpf::Feature;
    use crate::facts::privilege::Seccomp;
    use crate::observe::btf;

    /// These tests want a real kernel and all rights; a process without them fails here, loudly.
    fn all_rights() -> Privilege {
        let effective = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"].map(str::to_owned);
        Privilege {
            effective: effective.into(),
            initial_user_namespace: true,
            seccomp: Seccomp::Disabled,
            no_new_privs: false,
        }
    }

    fn ask_this_kernel() -> BpfFacts {
        let host = Host::live().unwrap();
        let vmlinux = btf::load(&host);
        let btf = btf::btf(&host, &vmlinux);
        let privilege = Observed::Known(all_rights());
        let ground = Ground { privilege: &privilege, vmlinux: &vmlinux, btf: &btf };
        bpf(&host, ground, Early::nothing())
    }

    /// Every kernel that Cilium's oldest known release accepts (4.19) has these.
    #[test]
    fn what_every_kernel_has_is_found_on_this_one() {
        let facts = ask_this_kernel();
        assert_eq!(facts.syscall, Support::Supported);
        for name in ["socket_filter", "sched_cls", "xdp", "cgroup_sock_addr"] {
            assert_eq!(facts.programs[name].load, Support::Supported, "{name}");
        }
        assert_eq!(facts.helper("sched_cls", "fib_lookup"), Support::Supported);
        assert_eq!(facts.helper("kprobe", "redirect").as_str(), "unsupported");
        assert_eq!(facts.attach_types["cgroup_inet4_connect"], Support::Supported);
        assert_eq!(facts.features[&Feature::BpfLink], Support::Supported);
    }

    #[test]
    fn sleeping_helpers_are_for_sleepable_programs_only() {
        let facts = ask_this_kernel();
        let refused = facts.helper("kprobe", "copy_from_user");
        assert!(
            matches!(refused, Support::Unsupported(it) if it.because == Because::SleepableOnly)
        );
        assert_eq!(facts.helper("syscall", "copy_from_user"), Support::Supported);
    }

    #[test]
    fn helpers_that_disturb_the_host_are_not_asked_for() {
        let facts = ask_this_kernel();
        let answer = facts.helper("kprobe", "trace_printk");
        assert!(matches!(answer, Support::Unknown(it) if it.cause == Cause::NotSupported));
    }
}
