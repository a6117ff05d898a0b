//! What the kernel can do with eBPF, by use: packets, tracing, LSM.
//!
//! The three are judged apart because different things stop them: lockdown `confidentiality` and
//! a missing trampoline hit tracing and leave packets alone; BPF LSM needs `bpf` in the LSM list.

use super::reason::Reason;
use super::report::{EbpfVerdict, Explanation, Extent, Ternary};
use super::requirement::Met;
use super::requirement::Requirement::{self, Bpf, Btf, Helper, Map, Program, ProgramFor};
use crate::facts::bpf::Feature;
use crate::facts::{Facts, Observed};

/// What a packet datapath is made of; the first two are what it cannot be without.
const DATAPATH: &[Requirement] = &[
    Requirement::Syscall,
    Program("sched_cls"),
    Program("xdp"),
    Program("cgroup_skb"),
    Program("cgroup_sock"),
    Program("sk_lookup"),
    ProgramFor("cgroup_sock_addr", "cgroup_inet4_connect"),
    Bpf(Feature::CgroupAttach),
    Bpf(Feature::Jit),
    Bpf(Feature::LargeInstructionLimit),
    Bpf(Feature::BoundedLoops),
    Map("hash"),
    Map("array"),
    Map("prog_array"),
    Map("lru_hash"),
    Map("lpm_trie"),
    Map("hash_of_maps"),
    Helper("sched_cls", "redirect"),
    Helper("sched_cls", "fib_lookup"),
    Helper("sched_cls", "redirect_neigh"),
    Helper("sched_cls", "redirect_peer"),
];

/// What tracing tools attach and call. Loading a kprobe program proves nothing about attaching
/// it, so perf must have the event source too.
const TRACING: &[Requirement] = &[
    Requirement::Syscall,
    Program("kprobe"),
    Program("tracepoint"),
    Program("raw_tracepoint"),
    Program("perf_event"),
    Map("perf_event_array"),
    Map("ringbuf"),
    Btf,
    Helper("kprobe", "probe_read_kernel"),
    Helper("kprobe", "get_current_pid_tgid"),
    Bpf(Feature::Trampoline),
    Bpf(Feature::KprobeEvents),
    Bpf(Feature::UprobeEvents),
    Bpf(Feature::TracepointEvents),
];

/// Judges all three, and their sum.
pub(super) fn ebpf(facts: &Facts) -> EbpfVerdict {
    let (datapath, datapath_why) = extent(facts, DATAPATH, &DATAPATH[1..2]);
    let (tracing, tracing_why) = extent(facts, TRACING, &TRACING[1..5]);
    let (lsm, lsm_why) = lsm(facts);
    let status = sum([datapath, tracing, lsm]);
    EbpfVerdict { status, datapath, tracing, lsm, datapath_why, tracing_why, lsm_why }
}

/// What is certain of the whole, whatever the unknown parts turn out to be.
///
/// `full`: all three are full. `none`: all three are none. `partial`: something is there and
/// something is missing. `unknown`: the unknown parts could still make it full, or none.
fn sum(parts: [Extent; 3]) -> Extent {
    let all = |end| parts.iter().all(|it| *it == end);
    if all(Extent::Full) {
        return Extent::Full;
    }
    if all(Extent::None) {
        return Extent::None;
    }
    let something = parts.iter().any(|it| matches!(it, Extent::Full | Extent::Partial));
    let missing = parts.iter().any(|it| matches!(it, Extent::None | Extent::Partial));
    if something && missing { Extent::Partial } else { Extent::Unknown }
}

/// `full`: all of `needs`. `none`: bpf(2) is absent, or every one of `core` is. `partial`:
/// something else is proven absent. `unknown`: nothing is proven absent and something is unknown.
fn extent(
    facts: &Facts,
    needs: &'static [Requirement],
    core: &'static [Requirement],
) -> (Extent, Explanation) {
    let met = Met::all(needs.iter().map(|it| it.met_by(facts)));
    let core = Met::any(core.iter().map(|it| it.met_by(facts)));
    let syscall = Requirement::Syscall.met_by(facts);
    let extent = match (met.holds, core.holds) {
        _ if syscall.holds == Ternary::No => Extent::None,
        (Ternary::No, Ternary::No) => Extent::None,
        (Ternary::No, Ternary::Yes) => Extent::Partial,
        (Ternary::Yes, _) => Extent::Full,
        (Ternary::No | Ternary::Unknown, _) => Extent::Unknown,
    };
    (extent, explain(met, "everything asked for works"))
}

/// BPF LSM: full when a program attaches; none when `bpf` is not an active LSM, when the kernel
/// has no LSM programs, or when they cannot be attached; partial when only programs for one
/// cgroup (`lsm_cgroup`, Linux 6.0) are missing.
fn lsm(facts: &Facts) -> (Extent, Explanation) {
    let program = Requirement::All(&[Requirement::Syscall, Program("lsm")]).met_by(facts);
    let attach = Bpf(Feature::LsmAttach).met_by(facts);
    let listed = listed(facts);
    let met = Met::all([program, listed, attach.clone()]);
    if met.holds == Ternary::No {
        return (Extent::None, explain(met, ""));
    }
    if attach.holds != Ternary::Yes {
        return (Extent::Unknown, explain(met, ""));
    }
    let per_cgroup = ProgramFor("lsm", "lsm_cgroup").met_by(facts);
    match per_cgroup.holds {
        Ternary::No => (Extent::Partial, explain(per_cgroup, "")),
        Ternary::Yes | Ternary::Unknown => (Extent::Full, explain(attach, "")),
    }
}

/// Whether `bpf` is an active LSM.
fn listed(facts: &Facts) -> Met {
    match &facts.security.lsms {
        Observed::Known(Some(lsms)) if lsms.names.iter().any(|it| it == "bpf") => {
            Met::yes("bpf is in the list of active LSMs")
        }
        Observed::Known(Some(lsms)) => Met::no(
            Reason::LsmNotEnabled,
            format!("bpf is not among the active LSMs: {}", lsms.names.join(",")),
        ),
        Observed::Known(None) => {
            Met::unknown(Reason::NotProbed, "this kernel lists its LSMs nowhere we can look")
        }
        Observed::Unknown(failure) => {
            Met::unknown(failure.cause.into(), format!("active LSMs: {}", failure.detail))
        }
    }
}

fn explain(met: Met, when_yes: &str) -> Explanation {
    if met.holds == Ternary::Yes && !when_yes.is_empty() {
        return Explanation { reason: Reason::Supported, evidence: vec![when_yes.into()] };
    }
    Explanation { reason: met.reason, evidence: met.evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::bpf::{Because, Support};
    use crate::judge::sample;

    #[track_caller]
    fn expect(facts: &Facts, want: [Extent; 4]) -> EbpfVerdict {
        let got = ebpf(facts);
        assert_eq!([got.status, got.datapath, got.tracing, got.lsm], want, "{got:#?}");
        got
    }

    use Extent::{Full, None, Partial, Unknown};

    #[test]
    fn a_modern_kernel_is_full() {
        expect(&sample::kernel(6, 12), [Full; 4]);
    }

    #[test]
    fn nothing_known_is_unknown() {
        expect(&sample::unknown(), [Unknown; 4]);
        expect(&sample::no_capabilities(), [Unknown; 4]);
    }

    #[test]
    fn lockdown_hits_tracing_and_leaves_packets_alone() {
        let got = expect(&sample::locked_down(), [Partial, Full, Partial, Full]);
        assert_eq!(got.tracing_why.reason, Reason::LockdownConfidentiality);
    }

    #[test]
    fn errno_524_hits_tracing_and_lsm() {
        let got = expect(&sample::arm64_6_1(), [Partial, Full, Partial, None]);
        assert_eq!(got.tracing_why.reason, Reason::NoTrampoline);
        assert_eq!(got.lsm_why.reason, Reason::NoTrampoline);
    }

    #[test]
    fn a_kernel_whose_lsm_list_lacks_bpf_has_no_bpf_lsm() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(Some(lsms)) = &mut facts.security.lsms {
            lsms.names.retain(|it| it != "bpf");
        }
        let got = expect(&facts, [Partial, Full, Full, None]);
        assert_eq!(got.lsm_why.reason, Reason::LsmNotEnabled);
    }

    #[test]
    fn a_kernel_without_bpf_has_none() {
        let mut facts = sample::unknown();
        facts.bpf.syscall = Support::unsupported(Because::NotInKernel, "ENOSYS");
        expect(&facts, [None; 4]);
    }

    #[test]
    fn kprobe_programs_that_load_without_kprobes_are_not_full_tracing() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "ENOENT");
        facts.bpf.features.insert(Feature::KprobeEvents, no);
        expect(&facts, [Partial, Full, Partial, Full]);
    }

    #[test]
    fn the_5_10_kernel_lacks_only_lsm_per_cgroup() {
        expect(&sample::kernel(5, 10), [Partial, Full, Full, Partial]);
    }
}
