//! Rule `modules-present`: the modules that Cilium may use are on this host.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::config::ModuleState;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "modules-present",
    source: "https://github.com/bottlerocket-os/bottlerocket/issues/3968",
    check,
};

fn check(case: &Case<'_>) -> Answer {
    let modules = &case.facts.config.modules;
    let absent: Vec<&str> = modules
        .iter()
        .filter(|(_, state)| state.known() == Some(&ModuleState::Absent))
        .map(|(name, _)| name.as_str())
        .collect();
    if !absent.is_empty() {
        return Answer::fail(
            Severity::Advisory,
            Reason::ModuleAbsent,
            "some modules that Cilium may use are neither built in nor on disk",
        )
        .remedy("Install the distribution's package of further kernel modules, if you need what they are for.")
        .evidence([format!("absent: {}", absent.join(", "))]);
    }
    let unknown = modules.values().find_map(Observed::failure);
    match unknown {
        Some(failure) => Answer::failed_look(Severity::Advisory, "the list of modules", failure),
        None if modules.is_empty() => {
            Answer::undetermined(Severity::Advisory, Reason::NotProbed, "nobody looked for modules")
        }
        None => Answer::pass("every module that Cilium may use is built in or on disk"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::Cause;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn an_absent_module_is_named() {
        let mut facts = sample::kernel(6, 12);
        sample::set_module(&mut facts, "wireguard", ModuleState::Absent);
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::ModuleAbsent);
        assert_eq!(answer.evidence, ["absent: wireguard"]);
    }

    #[test]
    fn an_unreadable_folder_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        let failure = Observed::unknown(Cause::PermissionDenied, "/lib/modules");
        facts.config.modules.insert("vxlan".into(), failure);
        expect(&RULE, &facts, Outcome::Undetermined, Reason::PermissionDenied);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}
