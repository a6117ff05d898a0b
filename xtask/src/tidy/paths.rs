//! The paths that code names (`std::fs::read`), wherever it names them: in `use`, in expressions,
//! in types and inside macros, whose arguments only tokens can show.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;

use super::source::Source;

/// A path as written, made absolute where it began with `crate`, `self` or `super`.
///
/// A single identifier is a path of one segment, keywords included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

impl Named {
    /// Whether the path is `prefix` or inside it (`std::fs`).
    pub(super) fn is_in(&self, prefix: &str) -> bool {
        let mut segments = self.segments.iter();
        prefix.split("::").all(|it| segments.next().is_some_and(|segment| segment == it))
    }

    /// Whether the path ends with this name.
    pub(super) fn ends_with(&self, name: &str) -> bool {
        self.segments.last().is_some_and(|it| it == name)
    }

    /// The path as code writes it.
    pub(super) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// Every path that a file names outside its tests.
pub(super) fn named(source: &Source) -> Vec<Named> {
    let mut module = vec!["crate".to_owned()];
    module.extend(source.agent_module().unwrap_or_default());
    let mut found = Vec::new();
    scan(source.file.to_token_stream(), &module, &[], &mut found);
    found
}

/// Walks tokens. `prefix` is what stands before a group of `use` (`a::{b, c}`).
fn scan(tokens: TokenStream, module: &[String], prefix: &[String], found: &mut Vec<Named>) {
    let mut chain = Chain::new(prefix);
    let mut is_module_name = false;
    let mut inner_module = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let line = ident.span().start().line;
                if !chain.expects_more {
                    chain.finish(module, found);
                }
                inner_module = is_module_name.then(|| name.clone());
                is_module_name = name == "mod";
                chain.push(name, line);
            }
            TokenTree::Punct(it) if it.as_char() == ':' => chain.colon(),
            TokenTree::Group(it) if it.delimiter() == Delimiter::Brace && chain.expects_more => {
                scan(it.stream(), module, &chain.segments, found);
                chain = Chain::new(prefix);
            }
            TokenTree::Group(it) => {
                chain.finish(module, found);
                let inside: Vec<String> =
                    module.iter().cloned().chain(inner_module.take()).collect();
                scan(it.stream(), &inside, &[], found);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => chain.finish(module, found),
        }
    }
    chain.finish(module, found);
}

/// A path that is being read.
struct Chain<'a> {
    prefix: &'a [String],
    segments: Vec<String>,
    line: usize,
    colons: usize,
    /// `::` was just read.
    expects_more: bool,
}

impl<'a> Chain<'a> {
    fn new(prefix: &'a [String]) -> Self {
        Self { prefix, segments: prefix.to_vec(), line: 0, colons: 0, expects_more: false }
    }

    fn push(&mut self, name: String, line: usize) {
        self.segments.push(name);
        self.line = line;
        self.colons = 0;
        self.expects_more = false;
    }

    fn colon(&mut self) {
        self.colons += 1;
        self.expects_more = self.colons == 2;
    }

    fn finish(&mut self, module: &[String], found: &mut Vec<Named>) {
        if self.segments.len() > self.prefix.len() {
            let segments = absolute(&self.segments, module);
            found.push(Named { segments, line: self.line });
        }
        *self = Self::new(self.prefix);
    }
}

/// Resolves `self` and `super` at the beginning of a path.
fn absolute(segments: &[String], module: &[String]) -> Vec<String> {
    let supers = segments.iter().take_while(|it| *it == "super").count();
    let is_self = segments.first().is_some_and(|it| it == "self") && segments.len() > 1;
    if supers == 0 && !is_self {
        return segments.to_vec();
    }
    let rest = &segments[supers.max(usize::from(is_self))..];
    let base = &module[..module.len().saturating_sub(supers).max(1)];
    base.iter().chain(rest).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::example;

    #[track_caller]
    fn expect(text: &str, paths: &[&str]) {
        let source = example("agent/src/judge/rule/btf.rs", text);
        let found: Vec<String> = named(&source).iter().map(Named::text).collect();
        for path in paths {
            assert!(found.contains(&(*path).to_owned()), "{path} not in {found:?}");
        }
    }

    #[test]
    fn groups_in_use_are_spread() {
        expect(
            "use std::{fs::{self, File}, io::Read as _};",
            &["std::fs::self", "std::fs::File", "std::io::Read"],
        );
    }

    #[test]
    fn super_and_self_are_resolved_from_the_file() {
        expect("use super::super::facts::bpf;", &["crate::judge::facts::bpf"]);
        expect("use super::super::super::observe;", &["crate::observe"]);
        expect("use self::inner::X;", &["crate::judge::rule::btf::inner::X"]);
    }

    #[test]
    fn an_inline_module_is_one_deeper() {
        expect("mod inner { use super::super::X; }", &["crate::judge::rule::X"]);
    }

    #[test]
    fn expressions_types_and_macros_name_paths() {
        expect(
            "fn f(x: std::net::TcpStream) { format!(\"{}\", ::std::env::var(\"X\")); g::<a::B>() }",
            &["std::net::TcpStream", "std::env::var", "a::B"],
        );
    }

    #[test]
    fn a_line_is_where_the_path_ends() {
        let source = example("xtask/src/main.rs", "fn f() {\n    a::b();\n}\n");
        let ab = named(&source).into_iter().find(|it| it.text() == "a::b").unwrap();
        assert_eq!(ab.line, 2);
        assert!(ab.is_in("a") && ab.is_in("a::b") && !ab.is_in("b") && !ab.is_in("a::b::c"));
    }
}
