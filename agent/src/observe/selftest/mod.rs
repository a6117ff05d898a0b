//! Runs the programs of `agent-ebpf` that do what Cilium's datapath does, and checks what came out.
//!
//! Nothing is attached to an interface or cgroup of the host, and nothing is pinned: programs, maps
//! and links live as long as this process holds them. Packets exist in test runs only.

mod adjust_room;
mod bench;
mod cgroup;
mod connect4;
mod connector;
mod csum_level;
mod ecn;
mod fib_lookup;
mod hash_of_maps;
mod keeper;
mod lpm_trie;
mod messages;
mod netns_cookie;
mod packet;
mod redirect;
mod refusal;
mod ring_buffer;
mod sk_assign;
mod skb;
mod tail_call;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Host;
use super::bpf::lift_memory_limit;
use crate::facts::bpf::Support;
use crate::facts::privilege::Privilege;
use crate::facts::selftest::Selftest;
use crate::facts::{Failure, Observed};
use bench::Bench;
use cgroup::Cgroup;

/// How a self-test ends: it came out right, or a "no" or an unknown.
type Checked = Result<(), Support>;

/// Loads and runs every self-test and checks its output.
pub fn selftests(host: &Host, privilege: &Observed<Privilege>) -> BTreeMap<Selftest, Support> {
    let live = || {
        lift_memory_limit();
        run_all(Bench::new(privilege))
    };
    host.ask("selftests", live, |failure| all_unknown(&failure))
}

/// What every self-test says when none of them ran.
pub fn all_unknown(failure: &Failure) -> BTreeMap<Selftest, Support> {
    Selftest::ALL.into_iter().map(|it| (it, Support::Unknown(failure.clone()))).collect()
}

fn run_all(bench: Bench) -> BTreeMap<Selftest, Support> {
    let mut cgroup = None;
    let run = |test| {
        let start = std::time::Instant::now();
        let ended = run(test, bench, &mut cgroup).map_or_else(|it| it, |()| Support::Supported);
        let took = start.elapsed();
        tracing::debug!(?test, ended = ended.as_str(), ?took, "self-test");
        (test, ended)
    };
    Selftest::ALL.into_iter().map(run).collect()
}

fn run(test: Selftest, bench: Bench, cgroup: &mut Option<Result<Cgroup, Failure>>) -> Checked {
    match test {
        Selftest::AdjustRoomMac => adjust_room::check(bench),
        Selftest::CsumLevel => csum_level::check(bench),
        Selftest::FibLookup => fib_lookup::check(bench),
        Selftest::FibLookupSkipNeigh => {
            fib_lookup::check_flag(bench, "BPF_FIB_LOOKUP_SKIP_NEIGH", 4)
        }
        Selftest::FibLookupTbid => fib_lookup::check_flag(bench, "BPF_FIB_LOOKUP_TBID", 8),
        Selftest::FibLookupSrc => fib_lookup::check_flag(bench, "BPF_FIB_LOOKUP_SRC", 16),
        Selftest::FibLookupMark => fib_lookup::check_flag(bench, "BPF_FIB_LOOKUP_MARK", 32),
        Selftest::Redirect => redirect::check(bench, "redirect"),
        Selftest::RedirectNeigh => redirect::check(bench, "redirect_neigh"),
        Selftest::RedirectPeer => redirect::check(bench, "redirect_peer"),
        Selftest::TailCall => tail_call::check(bench),
        Selftest::LpmTrieLookup => lpm_trie::check(bench),
        Selftest::HashOfMapsLookup => hash_of_maps::check(bench),
        Selftest::SkbEcnSetCe => ecn::check(bench),
        Selftest::NetnsCookie => netns_cookie::check(bench, cgroup_of(cgroup)?),
        Selftest::SkAssign => sk_assign::check(bench),
        Selftest::RingBuffer => ring_buffer::check(bench),
        Selftest::Connect4Rewrite => connect4::check(bench, cgroup_of(cgroup)?),
    }
}

/// The throw-away cgroup, made when the first self-test asks for it.
fn cgroup_of(cgroup: &mut Option<Result<Cgroup, Failure>>) -> Result<&Cgroup, Support> {
    let made = cgroup.get_or_insert_with(Cgroup::create);
    made.as_ref().map_err(|it| Support::Unknown(it.clone()))
}
