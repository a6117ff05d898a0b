//! Rule: data flows one way. A layer of the agent names only the layers before it.

use super::Violation;
use super::paths::{Named, named};
use super::source::Source;

/// Each layer with the layers that it may name. `cmd` wires them and may name all.
const LAYERS: &[(&str, &[&str])] = &[
    ("facts", &["facts"]),
    ("judge", &["judge", "facts"]),
    ("observe", &["observe", "facts"]),
    ("publish", &["publish", "judge", "facts"]),
    ("cmd", &["cmd", "publish", "observe", "judge", "facts"]),
];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let Some(layer) = source.layer() else { return Vec::new() };
    // `main.rs` and `lib.rs` belong to no layer; a new folder has to be given a place first.
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        let message =
            format!("`{layer}` is no layer: name it in ARCHITECTURE.md and in {}", file!());
        return vec![Violation::new(&source.path, 0, message)];
    };
    let foreign = named(source).into_iter().filter_map(|it| {
        let target = layer_of(&it)?;
        (!allowed.contains(&target)).then(|| {
            let message = format!("`{layer}` must not name `{target}` ({})", it.text());
            Violation::new(&source.path, it.line, message)
        })
    });
    foreign.collect()
}

/// The layer that a path leads into.
fn layer_of(path: &Named) -> Option<&'static str> {
    let is_ours = path.is_in("crate") || path.is_in("bpfready");
    let second = path.segments.get(1).filter(|_| is_ours)?;
    LAYERS.iter().map(|(name, _)| *name).find(|it| it == second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source;

    #[track_caller]
    fn expect(path: &str, text: &str, violations: usize) {
        source::expect(check, (path, text), violations);
    }

    #[test]
    fn the_flow_itself_is_allowed() {
        expect("agent/src/judge/rule.rs", "use crate::facts::Facts; use super::report::X;", 0);
        expect("agent/src/observe/kernel.rs", "use crate::facts::Facts; use super::Host;", 0);
        expect("agent/src/publish/text.rs", "use crate::{facts::Facts, judge::Report};", 0);
        expect("agent/src/cmd/check.rs", "use crate::{facts, judge, observe, publish};", 0);
        expect("agent/src/main.rs", "use bpfready::cmd;", 0);
        expect("tests/src/lib.rs", "use bpfready::observe;", 0);
    }

    #[test]
    fn each_step_against_the_flow_is_caught() {
        expect("agent/src/facts/mod.rs", "use crate::judge::Report;", 1);
        expect("agent/src/judge/mod.rs", "use crate::observe::Host;", 1);
        expect("agent/src/judge/mod.rs", "use super::publish::text;", 1);
        expect("agent/src/observe/kernel.rs", "use crate::judge::Report;", 1);
        expect("agent/src/publish/text.rs", "fn f(x: &crate::observe::Host) {}", 1);
        expect("agent/src/observe/kernel.rs", "use crate::{facts::X, cmd::Y};", 1);
    }

    #[test]
    fn a_test_may_name_what_it_needs() {
        let text = "#[cfg(test)] mod tests { use crate::observe::Host; }";
        expect("agent/src/judge/mod.rs", text, 0);
    }

    #[test]
    fn a_new_folder_needs_a_place_in_the_map() {
        expect("agent/src/manager/mod.rs", "", 1);
    }
}
