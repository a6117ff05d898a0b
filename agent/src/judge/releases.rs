//! What stops each Cilium release from starting, as a table: the agent's own start-up probes.
//!
//! The lists only grow: what a release needs, every later one needs too, so each row names the
//! first release. Sources: `pkg/datapath/linux/requirements.go` as it was about 1.13, 1.16, 1.18
//! and 1.19 (attribution of the stored texts to minors is exact to one minor), a third party's
//! inventory of main for 1.20.
//!
//! Type information (BTF) is not in the list, for no release: no start-up probe asks for it. The
//! documents of main ask for CONFIG_DEBUG_INFO_BTF since about August 2026 and nothing shows an
//! agent that stops without it, so a "no" for 1.20 would not be proven; the rule `btf-available`
//! says "required by the documents" for 1.20 and "recommended" before.

use std::collections::BTreeMap;

use super::primitives as of;
use super::report::{Release, Ternary};
use super::requirement::Met;
use super::requirement::Requirement::{self, All, Bpf, Helper};
use crate::facts::Facts;
use crate::facts::bpf::Feature;

/// The releases that are judged, oldest first.
pub const KNOWN: [Release; 8] = [
    Release::one(13),
    Release::one(14),
    Release::one(15),
    Release::one(16),
    Release::one(17),
    Release::one(18),
    Release::one(19),
    Release::one(20),
];

/// The newest release that is judged: the target when nobody names one.
pub const NEWEST: Release = Release::one(20);

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Read in upstream source.
    Source,
    /// A third party's reading of upstream.
    Secondary,
    /// Follows from what the datapath is made of; no probe of Cilium's own.
    Implied,
}

/// Something without which a release does not start.
#[derive(Debug, Clone, Copy)]
pub struct Fatal {
    /// Its id among findings and blockers.
    pub id: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// First upstream kernel that has it, such as `5.8`; empty where there is no telling. Explains,
    /// never decides.
    pub kernel: &'static str,
    /// The first of the known releases that needs it.
    pub since: Release,
    /// The last that does; `None`: up to the newest.
    pub until: Option<Release>,
    /// What is asked of the node.
    pub needs: Requirement,
    /// How sure the row is.
    pub basis: Basis,
}

impl Fatal {
    const fn new(
        id: &'static str,
        title: &'static str,
        minor: u16,
        needs: Requirement,
        basis: Basis,
    ) -> Self {
        let since = Release::one(minor);
        Self { id, title, kernel: "", since, until: None, needs, basis }
    }

    /// With the first kernel that has it.
    const fn linux(mut self, kernel: &'static str) -> Self {
        self.kernel = kernel;
        self
    }

    /// Whether this release needs it.
    pub fn concerns(&self, release: Release) -> bool {
        release >= self.since && self.until.is_none_or(|last| release <= last)
    }
}

use Basis::{Implied, Secondary, Source};

/// The list, in the order Cilium asks.
#[rustfmt::skip]
pub const FATAL: &[Fatal] = &[
    Fatal::new("requires-architecture", "amd64 or arm64", 13, of::MACHINE, Source),
    // 1.13 to 1.18 probe neither; nothing of the datapath works without.
    Fatal::new("requires-bpf", "BPF with the datapath's program and map types", 13, of::BASE, Implied).linux("4.11"),
    // tcx is used from 1.16 on (chart value bpf.enableTCX); before, clsact alone.
    Fatal { until: Some(Release::one(15)), ..Fatal::new("requires-clsact", "the clsact qdisc", 13, of::CLSACT, Implied).linux("4.5") },
    Fatal::new("requires-tc", "tc programs by clsact or tcx", 16, of::CLSACT_OR_TCX, Implied).linux("4.5"),
    // A kernel that interprets programs runs 1.13 to 1.18, slowly; HaveBPFJIT is fatal from 1.19.
    Fatal::new("requires-jit", "the BPF JIT compiler", 19, of::JIT, Source),
    Fatal::new("requires-dead-code-elimination", "dead-code elimination", 16, of::DEAD_CODE_ELIMINATION, Source).linux("5.1"),
    Fatal::new("requires-large-programs", "programs of more than 4096 instructions", 16, of::LARGE_PROGRAMS, Source).linux("5.2"),
    Fatal::new("requires-queue-mapping", "a writable queue mapping", 18, of::ECN_SET_CE, Source).linux("5.1"),
    Fatal::new("requires-socket-cookie", "socket cookies in socket programs", 18, Helper("cgroup_sock_addr", "get_socket_cookie"), Source).linux("4.12"),
    Fatal::new("requires-adjust-room-mac", "room behind the Ethernet header", 18, of::ADJUST_ROOM_MAC, Source).linux("5.2"),
    Fatal::new("requires-csum-level", "checksum levels", 18, Helper("sched_cls", "csum_level"), Source).linux("5.8"),
    Fatal::new("requires-redirect-neigh-peer", "redirection to neighbours and peers", 18, of::REDIRECT_NEIGH_PEER, Source).linux("5.10"),
    Fatal::new("requires-change-tail", "packets that change their tail", 19, Helper("sched_cls", "skb_change_tail"), Source).linux("4.9"),
    Fatal::new("requires-cgroup-id", "the current cgroup id in socket programs", 19, Helper("cgroup_sock_addr", "get_current_cgroup_id"), Source).linux("5.7"),
    Fatal::new("requires-jiffies", "jiffies in four program types", 19, of::JIFFIES, Source).linux("5.6"),
    Fatal::new("requires-netns-cookie", "network namespace cookies", 19, of::NETNS_COOKIE, Source).linux("5.7"),
    Fatal::new("requires-change-head", "packets that change their head", 19, Helper("sched_cls", "skb_change_head"), Source).linux("5.8"),
    Fatal::new("requires-fib-lookup", "route look-ups", 20, of::FIB_LOOKUP, Secondary).linux("4.18"),
    Fatal::new("requires-batch-lookup", "batch look-ups in maps", 20, Bpf(Feature::BatchMapOperations), Secondary).linux("5.6"),
    Fatal::new("requires-sk-assign", "assignment of sockets", 20, of::SK_ASSIGN, Secondary).linux("5.7"),
    Fatal::new("requires-sock-addr-helpers", "cgroup class ids and perf events in socket programs", 20,
        All(&[Helper("cgroup_sock_addr", "get_cgroup_classid"), Helper("cgroup_sock_addr", "perf_event_output")]), Secondary).linux("5.7"),
];

/// How each row of [`FATAL`] ended on one node.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The row.
    pub fatal: &'static Fatal,
    /// Its end.
    pub met: Met,
}

/// Asks the whole list once.
pub fn ask(facts: &Facts) -> Vec<Ended> {
    FATAL.iter().map(|fatal| Ended { fatal, met: fatal.needs.met_by(facts) }).collect()
}

/// One release: no if something is proven absent, else unknown if something is unknown, else yes.
/// A release that is not in [`KNOWN`] is unknown.
pub fn verdict(ended: &[Ended], release: Release) -> Ternary {
    if !KNOWN.contains(&release) {
        return Ternary::Unknown;
    }
    let mut sum = Ternary::Yes;
    for it in ended.iter().filter(|it| it.fatal.concerns(release)) {
        match it.met.holds {
            Ternary::No => return Ternary::No,
            Ternary::Unknown => sum = Ternary::Unknown,
            Ternary::Yes => {}
        }
    }
    sum
}

/// Ids of what a release lacks or may lack: first what is proven absent.
pub fn blockers(ended: &[Ended], release: Release) -> Vec<String> {
    let of = |holds| {
        ended
            .iter()
            .filter(move |it| it.fatal.concerns(release) && it.met.holds == holds)
            .map(|it| it.fatal.id.to_owned())
    };
    of(Ternary::No).chain(of(Ternary::Unknown)).collect()
}

/// All known releases.
pub fn verdicts(ended: &[Ended]) -> BTreeMap<Release, Ternary> {
    KNOWN.into_iter().map(|it| (it, verdict(ended, it))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Cause;
    use crate::facts::bpf::{Because, Support};
    use crate::judge::sample;

    fn capable(facts: &Facts) -> Vec<Release> {
        let ended = ask(facts);
        KNOWN.into_iter().filter(|it| verdict(&ended, *it) == Ternary::Yes).collect()
    }

    #[track_caller]
    fn expect(facts: &Facts, minors: std::ops::RangeInclusive<u16>) {
        let want: Vec<Release> = minors.map(Release::one).collect();
        let ended = ask(facts);
        assert_eq!(capable(facts), want, "{:?}", blockers(&ended, NEWEST));
    }

    /// The documented minimum kernels of `cilium.md` § 1.1.
    #[test]
    fn each_release_runs_on_its_documented_minimum_kernel() {
        expect(&sample::kernel(4, 19), 13..=15);
        expect(&sample::kernel(5, 4), 13..=17);
        expect(&sample::kernel(5, 10), 13..=20);
        expect(&sample::kernel(6, 12), 13..=20);
    }

    #[test]
    fn a_back_ported_kernel_is_judged_by_what_it_does() {
        expect(&sample::rhel_8(), 13..=20);
    }

    #[test]
    fn arm64_without_trampolines_runs_cilium() {
        expect(&sample::arm64_6_1(), 13..=20);
    }

    #[test]
    fn without_capabilities_no_release_is_yes_or_no() {
        let ended = ask(&sample::no_capabilities());
        for release in KNOWN {
            assert_eq!(verdict(&ended, release), Ternary::Unknown, "{release}");
        }
    }

    #[test]
    fn one_missing_helper_stops_exactly_the_releases_that_ask_for_it() {
        let mut facts = sample::kernel(6, 12);
        sample::lose_helper(&mut facts, "sched_cls", "csum_level", Because::NotInKernel);
        expect(&facts, 13..=17);
        let ended = ask(&facts);
        assert_eq!(blockers(&ended, Release::one(18)), ["requires-csum-level"]);

        let mut facts = sample::kernel(6, 12);
        sample::lose_helper(&mut facts, "cgroup_sock_addr", "jiffies64", Because::NotInKernel);
        expect(&facts, 13..=18);
    }

    #[test]
    fn hidden_instructions_leave_the_verdict_open() {
        let mut facts = sample::kernel(6, 12);
        let hidden = Support::unknown(Cause::Inconclusive, "xlated insns hidden");
        facts.bpf.features.insert(Feature::DeadCodeElimination, hidden);
        expect(&facts, 13..=15);
        assert_eq!(verdict(&ask(&facts), NEWEST), Ternary::Unknown);
    }

    #[test]
    fn an_interpreter_stops_only_releases_that_probe_the_jit() {
        let mut facts = sample::kernel(6, 12);
        let off = Support::unsupported(Because::SwitchedOff, "bpf_jit_enable=0");
        facts.bpf.features.insert(Feature::Jit, off);
        expect(&facts, 13..=18);
    }

    #[test]
    fn another_architecture_is_refused() {
        let mut facts = sample::kernel(6, 12);
        if let crate::facts::Observed::Known(uname) = &mut facts.kernel.uname {
            uname.machine = "riscv64".into();
        }
        assert!(capable(&facts).is_empty());
    }

    #[test]
    fn tcx_stands_in_for_clsact_from_1_16_on() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "ENOENT");
        facts.net_probes.insert(crate::facts::netprobe::NetProbe::ClsactQdisc, no);
        expect(&facts, 16..=20);
    }

    #[test]
    fn a_release_that_nobody_described_is_unknown() {
        let ended = ask(&sample::kernel(6, 12));
        for release in [Release::one(12), Release::one(21), Release { major: 2, minor: 15 }] {
            assert_eq!(verdict(&ended, release), Ternary::Unknown);
        }
    }
}
