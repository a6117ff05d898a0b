//! Rule: `aya`, `kube`, `unsafe` and what waits (`async`, `tokio`) stay in the few places that need
//! them.

use super::Violation;
use super::paths::{Named, named};
use super::source::Source;

/// What is reserved, and the folders or files (without `.rs`) that may name it.
const RESERVED: &[(&str, &[&str])] = &[
    (
        "aya",
        &[
            "agent/src/observe/bpf",
            "agent/src/observe/inventory",
            "agent/src/observe/net_probe",
            "agent/src/observe/object",
            "agent/src/observe/selftest",
        ],
    ),
    (
        "unsafe",
        &[
            "agent-ebpf",
            "agent/src/cmd/agent/memory",
            "agent/src/cmd/allocator",
            "agent/src/observe/bpf",
            "agent/src/observe/btf/bytes",
            "agent/src/observe/firewall/legacy/socket",
            "agent/src/observe/inventory",
            "agent/src/observe/net_probe",
            "agent/src/observe/nic",
            "agent/src/observe/security/lsm_list_modules",
            "agent/src/observe/selftest",
            "tests/it/datapath/kernel",
        ],
    ),
    ("kube", SPEAKS_TO_THE_API),
    ("k8s_openapi", SPEAKS_TO_THE_API),
    ("async", WAITS),
    ("await", WAITS),
    ("tokio", WAITS),
];

/// What reads or writes objects of the API server.
const SPEAKS_TO_THE_API: &[&str] = &[
    "agent/src/cmd",
    "agent/src/observe/cluster",
    "agent/src/observe/node_api",
    "agent/src/publish/cluster",
    "agent/src/publish/events",
    "agent/src/publish/node",
    "agent/src/publish/page/shell",
    "agent/src/publish/serve",
    "tests",
];

/// What runs beside other work for months; a look at the host is a plain function.
const WAITS: &[&str] = &[
    "agent/src/cmd",
    "agent/src/observe/cluster",
    "agent/src/observe/node_api",
    "agent/src/observe/watch",
    "agent/src/publish/cluster",
    "agent/src/publish/events",
    "agent/src/publish/node",
    "agent/src/publish/serve",
    "tests",
];

/// Reserved names that are keywords, so that one alone is meant.
const KEYWORDS: &[&str] = &["async", "await", "unsafe"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for path in named(source) {
        let reserved = RESERVED.iter().find(|(name, _)| is_named(&path, name));
        if let Some((name, places)) = reserved
            && !places.iter().any(|it| is_inside(&source.path, it))
        {
            let message = format!("`{name}` is reserved for {places:?}");
            violations.push(Violation::new(&source.path, path.line, message));
        }
    }
    violations
}

/// The crate by its first segment with something after it, the keyword by itself.
fn is_named(path: &Named, name: &str) -> bool {
    path.is_in(name) && (path.segments.len() > 1 || KEYWORDS.contains(&name))
}

fn is_inside(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
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
    fn each_is_free_in_its_place() {
        expect("agent/src/observe/bpf/map.rs", "use aya::Ebpf; fn f() { unsafe {} }", 0);
        expect("agent/src/observe/inventory.rs", "use aya::programs::Iter;", 0);
        expect("agent-ebpf/src/tail.rs", "unsafe fn f() {}", 0);
        expect("agent/src/publish/node/write.rs", "use kube::Api; async fn f() {}", 0);
    }

    #[test]
    fn each_is_caught_elsewhere() {
        expect("agent/src/observe/kernel.rs", "use aya::Ebpf;", 1);
        expect("agent/src/observe/inventory_list.rs", "use aya::Ebpf;", 1);
        expect("agent/src/publish/text.rs", "fn f() { unsafe {} }", 1);
        expect("agent/src/observe/mod.rs", "fn f() { x!(unsafe { 1 }) }", 1);
        expect("agent/src/publish/text.rs", "use kube::Api;", 1);
        expect("agent/src/observe/kernel.rs", "async fn f() { g().await }", 2);
        expect("tests/src/lib.rs", "unsafe extern \"C\" {}", 1);
    }
}
