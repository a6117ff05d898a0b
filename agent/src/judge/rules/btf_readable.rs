//! Rule `btf-modules-readable`: the modules that carry type information of their own let it be read.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "btf-modules-readable", source: "https://docs.kernel.org/bpf/btf.html", check };

fn check(case: &Case<'_>) -> Answer {
    let modules = match case.facts.btf.as_ref().and_then(|it| it.modules.as_ref()) {
        Observed::Known(modules) => modules,
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "BTF of modules", &failure);
        }
    };
    let unreadable: Vec<String> = modules
        .iter()
        .filter_map(|(name, size)| Some(format!("{name}: {}", size.failure()?.detail)))
        .collect();
    if unreadable.is_empty() {
        return Answer::pass(format!("{} modules carry BTF, all readable", modules.len()));
    }
    Answer::undetermined(
        Severity::Advisory,
        Reason::BtfMalformed,
        "type information of some modules could not be read",
    )
    .remedy("Load modules that were built together with this kernel.")
    .evidence(unreadable)
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::Cause;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn a_module_that_cannot_be_read_is_named() {
        let mut facts = sample::kernel(6, 12);
        if let Observed::Known(btf) = &mut facts.btf {
            let garbage = Observed::unknown(Cause::Malformed, "no magic");
            btf.modules = Observed::Known([("nf_tables".to_owned(), garbage)].into());
        }
        let answer = expect(&RULE, &facts, Outcome::Undetermined, Reason::BtfMalformed);
        assert_eq!(answer.evidence, ["nf_tables: no magic"]);
    }

    #[test]
    fn readable_passes_and_unreadable_folders_are_unknown() {
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}
