//! One Rust file: its code without tests, parsed.

use anyhow::{Context as _, Result};
use syn::spanned::Spanned;
use syn::{Attribute, Item};

/// A parsed file. Code under `#[cfg(test)]` is gone from `file` and counted in `test_lines`.
pub(super) struct Source {
    /// From the workspace's root, with `/`.
    pub(super) path: String,
    pub(super) lines: usize,
    pub(super) test_lines: usize,
    pub(super) file: syn::File,
}

impl Source {
    /// Parses one file.
    pub(super) fn parse(path: String, text: &str) -> Result<Self> {
        let mut file = syn::parse_file(text).with_context(|| format!("cannot parse {path}"))?;
        let test_lines = drop_tests(&mut file.items);
        Ok(Self { path, lines: text.lines().count(), test_lines, file })
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|it| it == "tests")
    }

    /// Its path in the agent's module tree (`["judge", "report"]`); `None`: of another package.
    pub(super) fn agent_module(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix("agent/src/")?.strip_suffix(".rs")?;
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        Some(module)
    }

    /// The agent's layer that the file belongs to.
    pub(super) fn layer(&self) -> Option<String> {
        self.agent_module()?.into_iter().next()
    }
}

/// Removes items that only tests see; gives back how many lines they had.
fn drop_tests(items: &mut Vec<Item>) -> usize {
    let mut lines = 0;
    items.retain_mut(|item| {
        if attributes(item).iter().any(is_cfg_test) {
            lines += span_lines(item);
            return false;
        }
        if let Item::Mod(module) = item
            && let Some((_, inner)) = &mut module.content
        {
            lines += drop_tests(inner);
        }
        true
    });
    lines
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|it| it == "test")
}

/// How many lines a piece of code has, attributes and doc comments included.
pub(super) fn span_lines(node: &impl Spanned) -> usize {
    let span = node.span();
    span.end().line + 1 - span.start().line
}

/// A file for the tests of the rules.
#[cfg(test)]
pub(super) fn example(path: &str, text: &str) -> Source {
    Source::parse(path.to_owned(), text).unwrap()
}

/// A rule finds so many violations in a file.
#[cfg(test)]
#[track_caller]
pub(super) fn expect(
    rule: impl Fn(&Source) -> Vec<super::Violation>,
    (path, text): (&str, &str),
    violations: usize,
) {
    let found = rule(&example(path, text));
    assert_eq!(found.len(), violations, "{found:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_counted_apart_and_left_out() {
        let text = "use std::fs;\n\n#[cfg(test)]\nmod tests {\n    use std::net;\n}\n";
        let source = example("agent/src/judge/report.rs", text);
        assert_eq!((source.lines, source.test_lines), (6, 4));
        assert_eq!(source.file.items.len(), 1);
    }

    #[test]
    fn a_file_knows_its_module_and_layer() {
        let module = |path| example(path, "").agent_module();
        assert_eq!(module("agent/src/judge/report.rs").unwrap(), ["judge", "report"]);
        assert_eq!(module("agent/src/judge/mod.rs").unwrap(), ["judge"]);
        assert!(module("agent/src/main.rs").unwrap().is_empty());
        assert_eq!(module("xtask/src/main.rs"), None);
        assert_eq!(example("agent/src/lib.rs", "").layer(), None);
    }
}
