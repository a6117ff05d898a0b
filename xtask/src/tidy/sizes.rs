//! Rule: a file stays under 400 lines without its tests, a function under 60. Tables do not count.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemConst, ItemFn, ItemStatic, Signature, TraitItemFn};

use super::Violation;
use super::source::{Source, span_lines};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut sizes = Sizes { path: &source.path, table_lines: 0, violations: Vec::new() };
    sizes.visit_file(&source.file);
    let Sizes { table_lines, mut violations, .. } = sizes;
    let lines = source.lines.saturating_sub(source.test_lines + table_lines);
    if lines >= FILE_LINES && !source.is_test() {
        let message = format!("{lines} lines without tests and tables, limit {FILE_LINES}");
        violations.push(Violation::new(&source.path, 0, message));
    }
    violations
}

struct Sizes<'a> {
    path: &'a str,
    table_lines: usize,
    violations: Vec<Violation>,
}

impl Sizes<'_> {
    fn function(&mut self, signature: &Signature, body: &syn::Block) {
        let first = signature.span().start().line;
        let lines = body.span().end().line + 1 - first;
        if lines >= FUNCTION_LINES {
            let name = &signature.ident;
            let message = format!("fn {name} has {lines} lines, limit {FUNCTION_LINES}");
            self.violations.push(Violation::new(self.path, first, message));
        }
    }
}

impl<'ast> Visit<'ast> for Sizes<'_> {
    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        self.function(&it.sig, &it.block);
        visit::visit_item_fn(self, it);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.function(&it.sig, &it.block);
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_trait_item_fn(&mut self, it: &'ast TraitItemFn) {
        if let Some(body) = &it.default {
            self.function(&it.sig, body);
        }
        visit::visit_trait_item_fn(self, it);
    }

    fn visit_item_const(&mut self, it: &'ast ItemConst) {
        self.table_lines += span_lines(it);
    }

    fn visit_item_static(&mut self, it: &'ast ItemStatic) {
        self.table_lines += span_lines(it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::example;

    #[track_caller]
    fn expect(text: &str, violations: usize) {
        let found = check(&example("agent/src/judge/x.rs", text));
        assert_eq!(found.len(), violations, "{found:?}");
    }

    fn function_of(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_may_have_59_lines() {
        expect(&function_of(59), 0);
        expect(&function_of(60), 1);
    }

    #[test]
    fn methods_and_defaults_of_traits_count_too() {
        expect(&format!("impl X {{\n{}}}", function_of(60)), 1);
        expect(&format!("trait X {{\n{}}}", function_of(60)), 1);
        expect(&format!("mod inner {{\n{}}}", function_of(60)), 1);
    }

    #[test]
    fn a_file_may_have_399_lines_beside_tests_and_tables() {
        let code = "use x::y;\n".repeat(399);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "use x::y;\n".repeat(500));
        let table = format!("const T: &[u8] = &[\n{}];\n", "    1,\n".repeat(500));
        expect(&format!("{code}{table}{tests}"), 0);
        expect(&format!("{code}use x::z;\n{tests}"), 1);
    }
}
