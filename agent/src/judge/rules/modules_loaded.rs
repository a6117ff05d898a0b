//! Rule `modules-can-load`: modules that are on disk only can still be loaded when Cilium asks.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::config::ModuleState;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "modules-can-load",
    source: "https://docs.kernel.org/admin-guide/sysctl/kernel.html#modules-disabled",
    check,
};

const DISABLED: &str = "kernel.modules_disabled";

fn check(case: &Case<'_>) -> Answer {
    let waiting: Vec<&str> = case
        .facts
        .config
        .modules
        .iter()
        .filter(|(_, state)| state.known() == Some(&ModuleState::Loadable))
        .map(|(name, _)| name.as_str())
        .collect();
    let waits = format!("on disk, not loaded: {}", waiting.join(", "));
    match case.facts.security.sysctls.get(DISABLED) {
        // Without loadable modules the kernel has no such sysctl.
        Some(Observed::Known(None)) => Answer::not_applicable("this kernel has no modules"),
        Some(Observed::Known(Some(value))) if value.trim() == "0" => {
            Answer::pass("modules can be loaded").evidence((!waiting.is_empty()).then_some(waits))
        }
        Some(Observed::Known(Some(_))) if waiting.is_empty() => {
            Answer::pass("no module that Cilium may use waits to be loaded")
        }
        Some(Observed::Known(Some(value))) => Answer::fail(
            Severity::Degraded,
            Reason::ModuleNotLoaded,
            "modules can no longer be loaded, and some that Cilium may use are not",
        )
        .remedy("Load them before kernel.modules_disabled is set: /etc/modules-load.d.")
        .evidence([format!("{DISABLED} = {value}"), waits]),
        Some(Observed::Unknown(failure)) => {
            Answer::failed_look(Severity::Degraded, DISABLED, failure)
        }
        None => Answer::undetermined(
            Severity::Degraded,
            Reason::NotProbed,
            format!("{DISABLED} was not read"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn only_a_module_that_waits_and_cannot_load_fails() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, DISABLED, "1");
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        sample::set_module(&mut facts, "vxlan", ModuleState::Loadable);
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::ModuleNotLoaded);
        assert!(answer.evidence[1].contains("vxlan"));
        sample::set_sysctl(&mut facts, DISABLED, "0");
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
    }

    #[test]
    fn a_kernel_without_modules_has_nothing_to_load() {
        let mut facts = sample::kernel(6, 12);
        facts.security.sysctls.insert(DISABLED.into(), Observed::Known(None));
        expect(&RULE, &facts, Outcome::NotApplicable, Reason::NotApplicable);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}
