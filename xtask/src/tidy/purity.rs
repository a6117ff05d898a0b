//! Rule: `facts` is plain data and `judge` is pure: no I/O, clock, environment, log or async.

use super::Violation;
use super::paths::{Named, named};
use super::source::Source;

/// Parts of the standard library that touch the world.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];
/// Names that give the same away when the path before them was imported.
const IMPURE_NAMES: &[&str] =
    &["async", "await", "Instant", "SystemTime", "dbg", "eprint", "eprintln", "print", "println"];
/// Crates that `judge` must not name, whether or not the agent uses them today.
const NOT_IN_JUDGE: &[&str] = &[
    "agent_ebpf",
    "aya",
    "aya_log",
    "k8s_openapi",
    "kube",
    "rustix",
    "tokio",
    "tracing",
    "tracing_subscriber",
];
/// The only crates that `facts` may name.
const IN_FACTS: &[&str] = &["serde"];

/// `crates`: what the agent depends on, as code writes it.
pub(super) fn check(source: &Source, crates: &[String]) -> Vec<Violation> {
    let is_foreign: &dyn Fn(&str) -> bool = match source.layer().as_deref() {
        Some("facts") => &|it| crates.iter().any(|name| name == it) && !IN_FACTS.contains(&it),
        Some("judge") => &|it| NOT_IN_JUDGE.contains(&it),
        _ => return Vec::new(),
    };
    // A crate is named with something of it; alone, the word is a field or a variable.
    let is_of_foreign = |it: &Named| it.segments.len() > 1 && is_foreign(&it.segments[0]);
    let wrong = named(source).into_iter().filter(|it| is_impure(it) || is_of_foreign(it));
    let told = wrong.map(|it| {
        let message = format!("`{}` in a layer that must stay pure", it.text());
        Violation::new(&source.path, it.line, message)
    });
    told.collect()
}

fn is_impure(path: &Named) -> bool {
    IMPURE.iter().any(|it| path.is_in(it)) || IMPURE_NAMES.iter().any(|it| path.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::example;

    #[track_caller]
    fn expect(path: &str, text: &str, violations: usize) {
        let crates = ["serde", "serde_json", "tracing"].map(str::to_owned);
        let found = check(&example(path, text), &crates);
        assert_eq!(found.len(), violations, "{found:?}");
    }

    #[test]
    fn data_and_decisions_are_allowed() {
        let text = "use std::collections::BTreeMap; use serde::Serialize; use std::fmt;";
        expect("agent/src/facts/bpf.rs", text, 0);
        expect("agent/src/judge/rule.rs", text, 0);
        expect(
            "agent/src/judge/rule.rs",
            "use std::time::Duration; const V: &str = env!(\"V\");",
            0,
        );
    }

    #[test]
    fn the_world_is_caught_in_both_layers() {
        for layer in ["facts", "judge"] {
            let path = format!("agent/src/{layer}/x.rs");
            expect(&path, "use std::fs;", 1);
            expect(&path, "use std::{fmt, net::IpAddr};", 1);
            expect(&path, "fn f() { std::env::var(\"X\"); }", 1);
            expect(
                &path,
                "use std::time; fn f() { time::Instant::now(); let x: time::Instant; }",
                1,
            );
            expect(&path, "fn f() { println!(\"x\") }", 1);
            expect(&path, "async fn f() {}", 1);
            expect(&path, "fn f() { tracing::info!(\"x\") }", 1);
        }
    }

    #[test]
    fn facts_name_no_crate_but_serde() {
        expect("agent/src/facts/bpf.rs", "use serde_json::Value;", 1);
        expect("agent/src/judge/rule.rs", "use serde_json::Value;", 0);
    }

    #[test]
    fn judge_names_no_kernel_and_no_cluster() {
        for name in NOT_IN_JUDGE {
            expect("agent/src/judge/rule.rs", &format!("use {name}::X;"), 1);
        }
    }

    #[test]
    fn a_field_may_be_called_like_a_crate() {
        expect("agent/src/judge/rule.rs", "struct Status { tracing: bool }", 0);
    }

    #[test]
    fn other_layers_are_free_to_look() {
        expect("agent/src/observe/kernel.rs", "use std::fs; fn f() { tracing::info!(\"\") }", 0);
    }
}
