//! Rule `cgroup-v2`: a cgroup v2 tree is mounted, to whose root socket programs attach. Cilium's
//! chart mounts one at `/run/cilium/cgroupv2`, so this never blocks.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "cgroup-v2", source: "https://man7.org/linux/man-pages/man7/cgroups.7.html", check };

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.mounts.cgroup2 {
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Advisory, "the mount table", failure)
        }
        Observed::Known(places) if places.is_empty() => {
            Answer::fail(Severity::Advisory, Reason::CgroupV2Missing, "no cgroup v2 tree is mounted")
                .remedy("Boot with systemd.unified_cgroup_hierarchy=1, or keep the chart's cgroup.autoMount.enabled=true.")
                .evidence(["no mount of type cgroup2".to_owned()])
        }
        Observed::Known(places) => {
            Answer::pass(format!("cgroup v2 is mounted at {}", places.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn a_host_with_v1_alone_fails() {
        let mut facts = sample::kernel(5, 10);
        facts.mounts.cgroup2 = Observed::Known(Vec::new());
        expect(&RULE, &facts, Outcome::Fail, Reason::CgroupV2Missing);
        expect(&RULE, &sample::kernel(5, 10), Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
