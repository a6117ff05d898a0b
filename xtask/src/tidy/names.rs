//! Rule: no module is a drawer. A name says what is inside.

use syn::ItemMod;
use syn::visit::{self, Visit};

use super::Violation;
use super::source::Source;

const DRAWERS: &[&str] =
    &["common", "helper", "helpers", "misc", "miscellaneous", "shared", "util", "utils"];

/// What the kernel calls the functions that a BPF program may call: a good name there.
const HELPER_FUNCTIONS: &[&str] = &["helper", "helpers"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut modules = Modules { found: Vec::new() };
    modules.visit_file(&source.file);
    let parts = source.path.split('/').map(|it| it.trim_end_matches(".rs"));
    let is_about_bpf = source.path.contains("/bpf");
    let of_path = parts
        .filter(|it| DRAWERS.contains(it) && !(is_about_bpf && HELPER_FUNCTIONS.contains(it)))
        .map(|it| (it.to_owned(), 0));
    let of_code = modules.found.into_iter().filter(|(it, _)| DRAWERS.contains(&it.as_str()));
    of_path
        .chain(of_code)
        .map(|(name, line)| {
            let message = format!("`{name}` names nothing: say what is inside");
            Violation::new(&source.path, line, message)
        })
        .collect()
}

struct Modules {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Modules {
    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        // A module in a file of its own is found by that file's name.
        if it.content.is_some() {
            self.found.push((it.ident.to_string(), it.ident.span().start().line));
        }
        visit::visit_item_mod(self, it);
    }
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
    fn a_drawer_is_caught_as_file_folder_and_inline_module() {
        expect("agent/src/observe/utils.rs", "", 1);
        expect("agent/src/observe/helpers/mod.rs", "", 1);
        expect("agent/src/observe/kernel.rs", "mod misc { }", 1);
        expect("agent-common/src/common.rs", "", 1);
    }

    #[test]
    fn other_names_are_free() {
        expect("agent/src/observe/bpf/helper.rs", "", 0);
        expect("agent/src/observe/utilization.rs", "mod helper_calls { }", 0);
    }
}
