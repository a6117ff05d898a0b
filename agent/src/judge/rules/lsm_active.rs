//! Rule `bpf-lsm-active`: `bpf` is in the list of active LSMs. Cilium does not need it; Tetragon,
//! KubeArmor and others do.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "bpf-lsm-active", source: "https://docs.kernel.org/bpf/prog_lsm.html", check };

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.security.lsms {
        Observed::Known(Some(lsms)) if lsms.names.iter().any(|it| it == "bpf") => {
            Answer::pass("bpf is an active LSM")
        }
        Observed::Known(Some(lsms)) => Answer::fail(
            Severity::Advisory,
            Reason::LsmNotEnabled,
            "BPF LSM programs load and are never called",
        )
        .remedy("Add bpf to the lsm= boot parameter (CONFIG_BPF_LSM=y is needed too).")
        .evidence([format!("active: {}", lsms.names.join(","))]),
        Observed::Known(None) => Answer::undetermined(
            Severity::Advisory,
            Reason::CannotLook,
            "this kernel lists its LSMs nowhere that we can look",
        )
        .remedy("Mount securityfs at /sys/kernel/security."),
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Advisory, "the list of LSMs", failure)
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
    fn a_list_without_bpf_fails_and_no_list_settles_nothing() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        if let Observed::Known(Some(lsms)) = &mut facts.security.lsms {
            lsms.names = vec!["capability".into()];
        }
        expect(&RULE, &facts, Outcome::Fail, Reason::LsmNotEnabled);
        facts.security.lsms = Observed::Known(None);
        expect(&RULE, &facts, Outcome::Undetermined, Reason::CannotLook);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
