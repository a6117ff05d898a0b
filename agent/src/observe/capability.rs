//! What the kernel can do and what is loaded in it: its BTF, the inventory, bpf(2), self-tests.

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use super::again::{Kept, KeptBtf, Probed};
use super::beside::Beside;
use super::inventory::{self, Layout};
use super::{Host, Looks, bpf, btf, net_probe, selftest};
use crate::facts::bpf::{BpfFacts, Support};
use crate::facts::btf::BtfFacts;
use crate::facts::config::ConfigFacts;
use crate::facts::inventory::Inventory;
use crate::facts::privilege::Privilege;
use crate::facts::selftest::Selftest;
use crate::facts::{Cause, Observed};

/// What these sources say.
pub(super) struct Capability {
    pub(super) btf: Observed<BtfFacts>,
    pub(super) inventory: Inventory,
    pub(super) probed: Probed,
    pub(super) layout: Layout,
    /// The kernel was probed now.
    pub(super) is_probed: bool,
}

impl Capability {
    /// Asks each of them once; what `kept` holds of an earlier look is not asked again.
    ///
    /// The inventory comes when none of our own probes is loaded: it is the host that is asked
    /// about.
    pub(super) fn of(
        host: &Host,
        looks: &mut Looks,
        privilege: &Observed<Privilege>,
        config: &ConfigFacts,
        kept: Option<Kept>,
    ) -> Self {
        let (kept, known) = kept.map(|it| (it.probed, it.btf)).unzip();
        let known = known.flatten().map(|KeptBtf { vmlinux, layout }| (vmlinux, layout));
        let (before, layout) = known.unzip();
        let mut vmlinux = Observed::unknown(Cause::Panicked, "the parser of BTF broke");
        let read = || {
            looks.observed("btf", || match before {
                Some(before) => btf::again(host, before),
                None => {
                    vmlinux = btf::load(host);
                    btf::btf(host, &vmlinux)
                }
            })
        };
        let start = Instant::now();
        let (early, btf) = match kept {
            None => bpf::early_beside(host, privilege, read),
            Some(_) => (bpf::Early::nothing(), read()),
        };
        let took = start.elapsed();
        let layout = layout.unwrap_or_else(|| Layout::of(&vmlinux));
        let inventory = looks.many(
            "inventory",
            || inventory::inventory(host, privilege, &layout),
            |failure| inventory::all_unknown(&failure),
        );
        let is_probed = kept.is_none();
        let ground = bpf::Ground { privilege, vmlinux: &vmlinux, btf: &btf };
        let probed = kept.unwrap_or_else(|| {
            let probed = probe(host, looks, ground, early, config);
            looks.lengthen("bpf", took);
            probed
        });
        Self { btf, inventory, probed, layout, is_probed }
    }
}

/// Everything that is asked once a boot and was not asked early.
fn probe(
    host: &Host,
    looks: &mut Looks,
    ground: bpf::Ground<'_>,
    early: bpf::Early,
    config: &ConfigFacts,
) -> Probed {
    let net_probes = net_probe::begin(host, config);
    let (bpf, selftests) = try_out(host, looks, ground, early);
    let net_probes = looks.many("net_probes", || net_probes.finish(host), net_probe::all_unknown);
    Probed { bpf, selftests, net_probes }
}

/// Probes and self-tests, side by side: the self-tests wait for the kernel more than they compute.
fn try_out(
    host: &Host,
    looks: &mut Looks,
    ground: bpf::Ground<'_>,
    early: bpf::Early,
) -> (BpfFacts, BTreeMap<Selftest, Support>) {
    let selftests = || {
        let mut looks = Looks::default();
        let selftests = looks.many(
            "selftests",
            || selftest::selftests(host, ground.privilege),
            |failure| selftest::all_unknown(&failure),
        );
        (selftests, looks.into_runs())
    };
    let (bpf, (selftests, runs)) = thread::scope(|scope| {
        let beside = Beside::start(scope, &selftests);
        let bpf = looks.many("bpf", || bpf::bpf(host, ground, early), |it| bpf::unknown(&it));
        (bpf, beside.join().expect("`Looks` catches what a source throws"))
    });
    looks.runs.extend(runs);
    (bpf, selftests)
}
