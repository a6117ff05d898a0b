//! Looking a second time: what the kernel answered holds until the next boot.

use std::collections::BTreeMap;

use super::Looks;
use crate::facts::bpf::{BpfFacts, Support};
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
}

/// Answers of an earlier look that still hold.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) bpf: BpfFacts,
    pub(super) selftests: BTreeMap<Selftest, Support>,
    pub(super) net_probes: BTreeMap<NetProbe, Support>,
}

impl Kept {
    /// What holds of `earlier` on this boot, with these rights, for this version; the runs of the
    /// probes are told again as they were.
    pub(super) fn of(
        earlier: Option<Facts>,
        kernel: &KernelFacts,
        privilege: &Observed<Privilege>,
        looks: &mut Looks,
    ) -> Option<Self> {
        let earlier = earlier.filter(|it| holds(it, kernel, privilege))?;
        let probes = earlier.sources.into_iter().filter(|it| PROBES.contains(&it.source.as_str()));
        looks.runs.extend(probes);
        let Facts { bpf, selftests, net_probes, .. } = earlier;
        Some(Self { bpf, selftests, net_probes })
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
    use super::super::{Host, look_again, snapshot};
    use super::*;

    fn first() -> (Host, Facts) {
        let host = Host::live().unwrap();
        let facts = snapshot(&host);
        (host, facts)
    }

    /// Asks this kernel once, and then everything else again.
    #[test]
    fn a_second_look_takes_the_kernels_answers_from_the_first() {
        let (host, facts) = first();
        let before = facts.clone();
        let look = look_again(&host, Some(facts));
        assert!(!look.is_probed);
        assert_eq!(look.facts.bpf, before.bpf);
        let names = |facts: &Facts| {
            facts
                .sources
                .iter()
                .map(|it| it.source.clone())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&look.facts), names(&before));

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
