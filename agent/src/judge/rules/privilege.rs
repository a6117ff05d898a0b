//! Rule `privilege-sufficient`: the process may ask all that bpf(2) answers.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::privilege::Privilege;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "privilege-sufficient",
    source: "https://man7.org/linux/man-pages/man7/capabilities.7.html",
    check,
};

const NEEDED: [&str; 3] = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"];

fn check(case: &Case<'_>) -> Answer {
    let rights = match &case.facts.privilege {
        Observed::Known(rights) => rights,
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "the rights of this process", failure);
        }
    };
    if rights.proves_absence() {
        return Answer::pass("CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are effective");
    }
    let missing: Vec<&str> = NEEDED.into_iter().filter(|it| !held(rights, it)).collect();
    Answer::fail(
        Severity::Advisory,
        Reason::PrivilegeTooLow,
        "this process may not ask all that bpf(2) answers, so much is unknown",
    )
    .remedy(remedy(rights, &missing))
    .evidence([evidence(rights, &missing)])
}

/// As [`Privilege::has`], whatever the user namespace.
fn held(rights: &Privilege, capability: &str) -> bool {
    let implied = matches!(capability, "CAP_BPF" | "CAP_PERFMON");
    rights.effective.contains(capability) || implied && rights.effective.contains("CAP_SYS_ADMIN")
}

fn remedy(rights: &Privilege, missing: &[&str]) -> String {
    if missing.is_empty() || !rights.initial_user_namespace {
        return "Run in the initial user namespace: bpf(2) counts capabilities there only.".into();
    }
    format!("Add {} (or run as root).", missing.join(", "))
}

fn evidence(rights: &Privilege, missing: &[&str]) -> String {
    if !rights.initial_user_namespace {
        return "the process is in a user namespace of its own".into();
    }
    format!("not effective: {}", missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn without_capabilities_it_names_what_to_add() {
        let answer =
            expect(&RULE, &sample::no_capabilities(), Outcome::Fail, Reason::PrivilegeTooLow);
        assert!(answer.remedy.contains("CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN"));
    }

    #[test]
    fn sys_admin_stands_for_bpf_and_perfmon() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(rights) = &mut facts.privilege {
            rights.effective = ["CAP_SYS_ADMIN".to_owned()].into();
        }
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::PrivilegeTooLow);
        assert!(answer.remedy.contains("Add CAP_NET_ADMIN ("), "{}", answer.remedy);
    }

    #[test]
    fn roots_capabilities_in_a_user_namespace_do_not_count() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(rights) = &mut facts.privilege {
            rights.initial_user_namespace = false;
        }
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::PrivilegeTooLow);
        assert!(answer.remedy.contains("initial user namespace"));
    }

    #[test]
    fn root_passes_and_unknown_rights_are_unknown() {
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
        let unknown = Reason::PermissionDenied;
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, unknown);
    }
}
