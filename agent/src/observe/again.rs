//! Looking a second time: what the kernel answered holds until the next boot.

use std::collections::BTreeMap;

use super::Looks;
use super::inventory::Layout;
use crate::facts::bpf::{BpfFacts, Support};
use crate::facts::btf::VmlinuxBtf;
use crate::facts::kernel::KernelFacts;
use crate::facts::netprobe::NetProbe;
use crate::facts::privilege::Privilege;
use crate::facts::selftest::Selftest;
use crate::facts::{Facts, Observed, SCHEMA};

/// Sources that are asked once a boot and once for each set of rights: a kernel that runs does not
/// learn, and to ask it again costs a hundred times what everything else does.
pub const PROBES: [&str; 3] = ["bpf", "selftests", "net_probes"];

/// One look, and whether the kernel was probed for it.
#[derive(Debug)]
pub struct Look {
    /// What was seen.
    pub facts: Facts,
    /// The kernel was probed; otherwise its answers are those of an earlier look.
    pub is_probed: bool,
    /// For the next look.
    pub layout: Layout,
}

/// An earlier look.
#[derive(Debug)]
pub struct Earlier {
    /// What was seen.
    pub facts: Facts,
    /// What it knew of the kernel's types; `None`: the look was that of another process.
    pub layout: Option<Layout>,
}

/// What the [`PROBES`] say.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) bpf: BpfFacts,
    pub(super) selftests: BTreeMap<Selftest, Support>,
    pub(super) net_probes: BTreeMap<NetProbe, Support>,
}

/// Answers of an earlier look that still hold.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) probed: Probed,
    /// `None`: it has to be read.
    pub(super) btf: Option<KeptBtf>,
}

/// What was taken out of the kernel's BTF: six megabytes and more that need not be read again.
#[derive(Debug)]
pub(super) struct KeptBtf {
    pub(super) vmlinux: Option<VmlinuxBtf>,
    pub(super) layout: Layout,
}

impl Kept {
    /// What holds of `earlier` on this boot, with these rights, for this version; the runs of the
    /// probes are told again as they were.
    pub(super) fn of(
        earlier: Option<Earlier>,
        kernel: &KernelFacts,
        privilege: &Observed<Privilege>,
        looks: &mut Looks,
    ) -> Option<Self> {
        let Earlier { facts: earlier, layout } = earlier?;
        let earlier = Some(earlier).filter(|it| holds(it, kernel, privilege))?;
        let probes = earlier.sources.into_iter().filter(|it| PROBES.contains(&it.source.as_str()));
        looks.runs.extend(probes);
        let Facts { bpf, selftests, net_probes, btf, .. } = earlier;
        // What could not be read is worth another try.
        let btf = match (btf, layout) {
            (Observed::Known(btf), Some(layout)) => Some(KeptBtf { vmlinux: btf.vmlinux, layout }),
            _ => None,
        };
        Some(Self { probed: Probed { bpf, selftests, net_probes }, btf })
    }
}

/// What is not known is not the same.
fn holds(earlier: &Facts, kernel: &KernelFacts, privilege: &Observed<Privilege>) -> bool {
    let same_boot = match (earlier.kernel.boot_id.known(), kernel.boot_id.known()) {
        (Some(Some(before)), Some(Some(now))) => before == now,
        _ => false,
    };
    let same_rights = match (earlier.privilege.known(), privilege.known()) {
        (Some(before), Some(now)) => before == now,
        _ => false,
    };
    // A probe that broke is worth another try.
    let is_whole = earlier
        .sources
        .iter()
        .filter(|it| PROBES.contains(&it.source.as_str()))
        .all(|it| it.failure.is_none());
    let same_version =
        earlier.schema == SCHEMA && earlier.agent_version == env!("CARGO_PKG_VERSION");
    same_boot && same_rights && same_version && is_whole
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Host, look_again};
    use super::*;

    fn first() -> (Host, Look) {
        let host = Host::live().unwrap();
        let look = look_again(&host, None);
        (host, look)
    }

    #[track_caller]
    fn same_sources(left: &Facts, right: &Facts) {
        let names = |facts: &Facts| -> BTreeSet<String> {
            facts.sources.iter().map(|it| it.source.clone()).collect()
        };
        assert_eq!(names(left), names(right));
    }

    /// Asks this kernel once, and then everything else again.
    #[test]
    fn a_second_look_takes_the_kernels_answers_from_the_first() {
        let (host, Look { facts, layout, .. }) = first();
        let before = facts.clone();
        // What another process remembered comes without a layout: BTF is read again.
        let remembered = Earlier { facts: facts.clone(), layout: None };
        let earlier = Earlier { facts, layout: Some(layout.clone()) };
        for earlier in [remembered, earlier] {
            let look = look_again(&host, Some(earlier));
            assert!(!look.is_probed);
            assert_eq!(look.facts.bpf, before.bpf);
            assert_eq!(look.facts.btf, before.btf);
            assert_eq!(look.facts.inventory.method, before.inventory.method);
            assert_eq!(look.layout, layout);
            same_sources(&look.facts, &before);
        }
        let mut kernel = before.kernel.clone();
        let privilege = before.privilege.clone();
        assert!(holds(&before, &kernel, &privilege));
        kernel.boot_id = Observed::Known(Some("another".into()));
        assert!(!holds(&before, &kernel, &privilege), "another boot");
        kernel.boot_id = Observed::Known(None);
        assert!(!holds(&before, &kernel, &privilege), "an unknown boot");
        let rights = privilege.map(|mut it| {
            it.effective.insert("CAP_OF_ANOTHER_DAY".into());
            it
        });
        assert!(!holds(&before, &before.kernel, &rights), "other rights");
    }
}
