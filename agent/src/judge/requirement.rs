//! One thing that something needs of a node, and whether the node has it.
//!
//! Probes decide where they have an answer ([`Requirement::First`]); kernel configuration and
//! modules speak only where probes are silent; the kernel's version never decides.

mod bpf;
mod names;
mod system;

use super::reason::Reason;
use super::report::Ternary;
use crate::facts::Facts;
use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::facts::selftest::Selftest;

/// One thing that is needed. All names are the kernel's, as in [`crate::facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// bpf(2) itself.
    Syscall,
    /// A program type, for any attach type: `sched_cls`.
    Program(&'static str),
    /// A program type for one expected attach type.
    ProgramFor(&'static str, &'static str),
    /// An attach type, by trying to attach to nothing.
    Attach(&'static str),
    /// A link type: `tcx`.
    Link(&'static str),
    /// A helper (second) that a program type or type and attach type (first) may call.
    Helper(&'static str, &'static str),
    /// A map type: `lpm_trie`.
    Map(&'static str),
    /// A map flag: `hash+no_prealloc`.
    MapFlag(&'static str),
    /// A single ability of bpf(2).
    Bpf(Feature),
    /// A self-test that ran and gave the right result.
    Selftest(Selftest),
    /// Something that a throw-away network namespace could do.
    Net(NetProbe),
    /// A kernel option that is `y` or `m`: `CONFIG_NET_CLS_BPF`.
    Config(&'static str),
    /// Code that is in the kernel, loaded, or on disk as a module (first), switched by an option
    /// (second).
    Module(&'static str, &'static str),
    /// A sysctl that exists, whatever its value.
    Sysctl(&'static str),
    /// A sysctl whose value has this word.
    SysctlWord(&'static str, &'static str),
    /// The kernel's own type information.
    Btf,
    /// A field, as `struct.field`.
    BtfField(&'static str),
    /// A kfunc.
    Kfunc(&'static str),
    /// An iterator, without `bpf_iter_`.
    Iterator(&'static str),
    /// One of these machines, as `uname -m` writes them.
    Machine(&'static [&'static str]),
    /// The kernel has IPv6 and it is not switched off at boot.
    Ipv6,
    /// The cgroup v1 controller `net_cls` is mounted.
    NetClsMounted,
    /// All of them.
    All(&'static [Requirement]),
    /// At least one of them.
    Any(&'static [Requirement]),
    /// The first that has an answer decides: the strongest source comes first.
    First(&'static [Requirement]),
    /// This may only refute: proven absent is no, anything else is yes. For use inside
    /// [`Requirement::All`], beside something that proves presence.
    Unrefuted(&'static Requirement),
}

/// How a requirement ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Whether the node has it.
    pub holds: Ternary,
    /// Why.
    pub reason: Reason,
    /// What it rests on, one sentence each.
    pub evidence: Vec<String>,
}

impl Met {
    /// It is there.
    pub fn yes(evidence: impl Into<String>) -> Self {
        Self { holds: Ternary::Yes, reason: Reason::Supported, evidence: vec![evidence.into()] }
    }

    /// It is proven absent.
    pub fn no(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { holds: Ternary::No, reason, evidence: vec![evidence.into()] }
    }

    /// It could not be told.
    pub fn unknown(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { holds: Ternary::Unknown, reason, evidence: vec![evidence.into()] }
    }

    /// All of these: no if one is no, else unknown if one is unknown. Only what decided is told;
    /// the reason is that of the first which decided.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::settle(parts, [Ternary::No, Ternary::Unknown, Ternary::Yes])
    }

    /// Any of these: yes if one is yes, else unknown if one is unknown.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::settle(parts, [Ternary::Yes, Ternary::Unknown, Ternary::No])
    }

    /// The first end of `order` that occurs, with everything that ended so.
    fn settle(parts: impl IntoIterator<Item = Self>, order: [Ternary; 3]) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        let holds = order.into_iter().find(|end| parts.iter().any(|it| it.holds == *end));
        let Some(holds) = holds else {
            return Self { holds: Ternary::Yes, reason: Reason::Supported, evidence: Vec::new() };
        };
        let mut deciding = parts.into_iter().filter(|it| it.holds == holds);
        let mut sum = deciding.next().expect("one of them ended so");
        for part in deciding {
            for sentence in part.evidence {
                if !sum.evidence.contains(&sentence) {
                    sum.evidence.push(sentence);
                }
            }
        }
        sum
    }
}

impl Requirement {
    /// Whether the node has it, and how that is known.
    pub fn met_by(&self, facts: &Facts) -> Met {
        match *self {
            Self::Syscall => bpf::syscall(facts),
            Self::Program(kind) => bpf::program(facts, kind),
            Self::ProgramFor(kind, attach) => bpf::program_for(facts, kind, attach),
            Self::Attach(name) => bpf::attach(facts, name),
            Self::Link(name) => bpf::link(facts, name),
            Self::Helper(program, helper) => bpf::helper(facts, program, helper),
            Self::Map(kind) => bpf::map(facts, kind),
            Self::MapFlag(name) => bpf::map_flag(facts, name),
            Self::Bpf(feature) => bpf::feature(facts, feature),
            Self::Selftest(test) => bpf::selftest(facts, test),
            Self::Net(probe) => system::net(facts, probe),
            Self::Config(option) => system::config(facts, option),
            Self::Module(module, option) => system::module(facts, module, option),
            Self::Sysctl(name) => system::sysctl(facts, name),
            Self::SysctlWord(name, word) => system::sysctl_word(facts, name, word),
            Self::Btf => system::btf(facts),
            Self::BtfField(name) => system::btf_field(facts, name),
            Self::Kfunc(name) => system::kfunc(facts, name),
            Self::Iterator(name) => system::iterator(facts, name),
            Self::Machine(machines) => system::machine(facts, machines),
            Self::Ipv6 => system::ipv6(facts),
            Self::NetClsMounted => system::net_cls(facts),
            Self::All(parts) => Met::all(parts.iter().map(|it| it.met_by(facts))),
            Self::Any(parts) => Met::any(parts.iter().map(|it| it.met_by(facts))),
            Self::First(parts) => first(parts, facts),
            Self::Unrefuted(part) => unrefuted(part, facts),
        }
    }

    /// The parts of a combination; empty for a single requirement.
    fn parts(&self) -> &[Self] {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::First(parts) => parts,
            Self::Unrefuted(part) => std::slice::from_ref(*part),
            Self::Syscall
            | Self::Program(_)
            | Self::ProgramFor(..)
            | Self::Attach(_)
            | Self::Link(_)
            | Self::Helper(..)
            | Self::Map(_)
            | Self::MapFlag(_)
            | Self::Bpf(_)
            | Self::Selftest(_)
            | Self::Net(_)
            | Self::Config(_)
            | Self::Module(..)
            | Self::Sysctl(_)
            | Self::SysctlWord(..)
            | Self::Btf
            | Self::BtfField(_)
            | Self::Kfunc(_)
            | Self::Iterator(_)
            | Self::Machine(_)
            | Self::Ipv6
            | Self::NetClsMounted => &[],
        }
    }

    /// Calls `visit` with this and every requirement inside it.
    pub fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        for part in self.parts() {
            part.walk(visit);
        }
    }
}

/// The first part with an answer; without any, what stood in the way of each.
fn first(parts: &'static [Requirement], facts: &Facts) -> Met {
    let mut unknown = Vec::new();
    for part in parts {
        let met = part.met_by(facts);
        if met.holds != Ternary::Unknown {
            return met;
        }
        unknown.push(met);
    }
    Met::all(unknown)
}

fn unrefuted(part: &'static Requirement, facts: &Facts) -> Met {
    let met = part.met_by(facts);
    match met.holds {
        Ternary::No => met,
        Ternary::Yes | Ternary::Unknown => {
            Met { holds: Ternary::Yes, reason: Reason::Supported, evidence: Vec::new() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> [Met; 3] {
        [
            Met::yes("y"),
            Met::no(Reason::NotInKernel, "n"),
            Met::unknown(Reason::PermissionDenied, "u"),
        ]
    }

    #[test]
    fn one_no_makes_all_a_no_and_tells_only_that() {
        let met = Met::all(parts());
        assert_eq!(met, Met::no(Reason::NotInKernel, "n"));
    }

    #[test]
    fn one_unknown_keeps_all_from_being_a_yes() {
        let [yes, _, unknown] = parts();
        assert_eq!(Met::all([yes, unknown.clone()]), unknown);
    }

    #[test]
    fn one_yes_suffices_for_any() {
        assert_eq!(Met::any(parts()), Met::yes("y"));
        let [_, no, unknown] = parts();
        assert_eq!(Met::any([no, unknown.clone()]), unknown);
    }

    #[test]
    fn the_strongest_source_with_an_answer_decides() {
        use crate::facts::netprobe::NetProbe::TcxAttach;
        let needs = Requirement::First(&[Requirement::Net(TcxAttach), Requirement::Link("tcx")]);
        let mut facts = crate::judge::sample::kernel(6, 12);
        facts.net_probes.clear();
        assert_eq!(needs.met_by(&facts).holds, Ternary::Yes, "the link type still speaks");
        facts.bpf.link_types.clear();
        assert_eq!(needs.met_by(&facts).holds, Ternary::Unknown);
    }
}
