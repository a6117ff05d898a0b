//! What can be asked before the kernel's BTF is read, which would leave a processor idle: whether
//! program types load, and the usual helpers of those that do.

use std::collections::BTreeMap;

use super::answer::Rights;
use super::crew;
use super::program;
use super::sys::Log;
use super::target::Targets;
use super::usual::{Answers, Usual};
use crate::facts::bpf::{ProgramSupport, Support};
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

/// Answers of bpf(2) that need no BTF, for [`super::bpf`].
pub struct Early(pub(super) Option<Asked>);

impl Early {
    /// Nothing was asked early.
    pub fn nothing() -> Self {
        Self(None)
    }
}

/// What was asked.
pub(super) struct Asked {
    pub(super) usual: Usual,
    pub(super) programs: BTreeMap<String, ProgramSupport>,
    /// What is known of the usual helpers, by program type.
    pub(super) helpers: BTreeMap<&'static str, Answers>,
}

/// Asks what needs no BTF, while this thread first does `work`, such as reading it.
pub fn early_beside<T>(
    host: &Host,
    privilege: &Observed<Privilege>,
    work: impl FnOnce() -> T,
) -> (Early, T) {
    if host.recording().is_some() {
        return (Early::nothing(), work());
    }
    let (asked, done) = Asked::beside(Rights::of(privilege), work);
    (Early(asked), done)
}

impl Asked {
    /// Without an answer a question panicked: who asks again, later, is the one to say so.
    pub(super) fn beside<T>(rights: Rights, work: impl FnOnce() -> T) -> (Option<Self>, T) {
        super::lift_memory_limit();
        let usual = Usual::new(rights);
        let names: Vec<_> = program::names().filter(|it| !program::needs_btf(it)).collect();
        let targets = Targets::none(Failure::new(Cause::Prerequisite, "BTF is not read yet"));
        let ask = |name: &&'static str| {
            let support = program::ask(name, &targets, rights);
            let known = match support.load {
                Support::Supported => helpers(name, &targets, &usual),
                Support::Unsupported(_) | Support::Unknown(_) => Answers::new(),
            };
            (support, known)
        };
        let (answers, done) = crew::share_beside(&names, ask, work);
        let asked = answers.ok().map(|answers| {
            let (mut programs, mut helpers) = (BTreeMap::new(), BTreeMap::new());
            for (name, (support, known)) in names.into_iter().zip(answers) {
                programs.insert(name.to_owned(), support);
                helpers.insert(name, known);
            }
            Self { usual, programs, helpers }
        });
        (asked, done)
    }
}

/// Of the way to load that the type's row in the helper matrix takes: the first.
fn helpers(name: &'static str, targets: &Targets, usual: &Usual) -> Answers {
    match program::kind(name).variants(targets).into_iter().next() {
        Some(Ok(variant)) => usual.answers(variant.program, &mut Log::new()),
        Some(Err(_)) | None => Answers::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_those_that_the_whole_probe_gives() {
        let rights = Rights { proves_absence: true, filtered: false };
        let (asked, done) = Asked::beside(rights, || "done");
        let asked = asked.unwrap();
        assert_eq!(done, "done");
        assert_eq!(asked.programs["xdp"].load, Support::Supported);
        assert!(!asked.programs.contains_key("tracing"), "it is loaded for a place in BTF");
        // bpf_ktime_get_ns, which every type may call.
        assert_eq!(asked.helpers["xdp"][&5], Support::Supported);
    }
}
