//! Rule `bpffs-not-stacked`: bpffs is mounted once at `/sys/fs/bpf`. With more than one Cilium's
//! agent stops ("multiple mount points detected"), or programs lose their pins (cilium#44194,
//! #47847).

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "bpffs-not-stacked",
    source: "https://github.com/cilium/cilium/issues/44194",
    check,
};

const PLACE: &str = "/sys/fs/bpf";

fn check(case: &Case<'_>) -> Answer {
    let mounts = match &case.facts.mounts.bpffs {
        Observed::Known(mounts) => mounts,
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Degraded, "the mount table", failure);
        }
    };
    let here = mounts.iter().filter(|it| it.path == PLACE).count();
    if here <= 1 {
        return Answer::pass(format!("bpffs is mounted {here} time(s) at {PLACE}"));
    }
    Answer::fail(
        Severity::Blocking,
        Reason::BpffsStacked,
        "Cilium's agent stops at start where bpffs is mounted more than once",
    )
    .remedy(format!("umount {PLACE} until `findmnt {PLACE}` shows one line."))
    .evidence([format!("bpffs is mounted {here} times at {PLACE}")])
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn two_mounts_at_one_place_block() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(mounts) = &mut facts.mounts.bpffs {
            mounts.push(mounts[0].clone());
        }
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::BpffsStacked);
        assert_eq!(answer.severity, Severity::Blocking);
    }

    #[test]
    fn mounts_elsewhere_do_not_count() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(mounts) = &mut facts.mounts.bpffs {
            let elsewhere = crate::facts::mounts::BpffsMount {
                path: "/run/cilium/bpffs".into(),
                ..mounts[0].clone()
            };
            mounts.push(elsewhere);
        }
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
