//! What fewer rights may change: a known answer may become unknown, and nothing else.

use std::fmt;

use serde_json::Value;

/// A lower rung that knows something else than root.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    at: String,
    root: String,
    lower: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, root, lower } = self;
        write!(f, "{at}: {lower}, and as root {root}")
    }
}

/// Parts of the facts that rights are *meant* to change, or that change by themselves.
const NOT_THE_KERNELS: &[&str] =
    &["/privilege", "/sources", "/taken_at_seconds", "/inventory", "/security/sysctls"];

/// Compares the facts of a report with root's, answer by answer.
///
/// A "no" must be root's "no" and a "yes" root's "yes"; what is known must be what root knows.
pub(super) fn contradictions(root: &Value, lower: &Value) -> Vec<Contradiction> {
    let mut found = Vec::new();
    walk("", &root["facts"], &lower["facts"], &mut found);
    found
}

/// How many answers of a report say yes or no: a rung that knows nothing contradicts nothing.
pub(super) fn known(value: &Value) -> usize {
    if is_unknown(value) {
        return 0;
    }
    match value {
        _ if answer(value).is_some() => 1,
        _ if is_helper_row(value) => ["supported", "unsupported"]
            .iter()
            .map(|it| value[*it].as_array().map_or(0, Vec::len))
            .sum(),
        Value::Object(fields) => fields.values().map(known).sum(),
        Value::Array(items) => items.iter().map(known).sum(),
        _ => 0,
    }
}

fn walk(at: &str, root: &Value, lower: &Value, found: &mut Vec<Contradiction>) {
    if NOT_THE_KERNELS.contains(&at) || is_unknown(lower) || root == lower {
        return;
    }
    if let (Some(answer), Some(lower_answer)) = (answer(root), answer(lower)) {
        // The words of a "no" may differ, its being one may not.
        if answer != lower_answer {
            tell(at, answer, lower_answer, found);
        }
        return;
    }
    match (root, lower) {
        (_, Value::Object(fields)) if is_helper_row(lower) && is_helper_row(root) => {
            helper_row(at, root, fields, found);
        }
        (Value::Object(root), Value::Object(lower)) => {
            for (key, lower) in lower {
                let root = root.get(key).unwrap_or(&Value::Null);
                walk(&format!("{at}/{key}"), root, lower, found);
            }
        }
        _ => tell(at, &shorten(root), &shorten(lower), found),
    }
}

/// `supported` and `unsupported` of the facts' type `Support`; unknown where it is neither.
fn answer(value: &Value) -> Option<&'static str> {
    if value == "supported" {
        return Some("yes");
    }
    if value.get("unsupported").is_some_and(|it| it.get("because").is_some()) {
        return Some("no");
    }
    is_unknown(value).then_some("unknown")
}

fn is_unknown(value: &Value) -> bool {
    value.get("unknown").is_some_and(|it| it.get("cause").is_some())
}

fn is_helper_row(value: &Value) -> bool {
    ["supported", "unsupported"].iter().all(|it| value.get(it).is_some_and(Value::is_array))
}

/// Lists of helpers: those that a lower rung is sure about are the same ones as root's.
fn helper_row(
    at: &str,
    root: &Value,
    lower: &serde_json::Map<String, Value>,
    found: &mut Vec<Contradiction>,
) {
    for list in ["supported", "unsupported"] {
        let of_root = root[list].as_array().map_or(&[][..], Vec::as_slice);
        for helper in lower[list].as_array().into_iter().flatten() {
            if !of_root.contains(helper) {
                let at = format!("{at}/{}", helper.as_str().unwrap_or("?"));
                tell(&at, &format!("not {list}"), list, found);
            }
        }
    }
}

fn tell(at: &str, root: &str, lower: &str, found: &mut Vec<Contradiction>) {
    found.push(Contradiction { at: at.to_owned(), root: root.to_owned(), lower: lower.to_owned() });
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn no() -> Value {
        json!({"unsupported": {"because": "not_in_kernel", "detail": "EINVAL"}})
    }

    fn unknown() -> Value {
        json!({"unknown": {"cause": "permission_denied", "detail": "EPERM"}})
    }

    #[track_caller]
    fn expect(root: &Value, lower: &Value, contradictions_count: usize) {
        let report = |it: &Value| json!({"facts": {"bpf": {"maps": {"hash": it}}}});
        let found = contradictions(&report(root), &report(lower));
        assert_eq!(found.len(), contradictions_count, "{found:?}");
    }

    #[test]
    fn knowing_less_is_no_contradiction() {
        expect(&json!("supported"), &unknown(), 0);
        expect(&no(), &unknown(), 0);
        expect(&json!({"known": [1, 2]}), &unknown(), 0);
    }

    #[test]
    fn knowing_otherwise_is_one() {
        expect(&json!("supported"), &no(), 1);
        expect(&no(), &json!("supported"), 1);
        expect(&unknown(), &no(), 1);
        expect(&json!({"known": [1, 2]}), &json!({"known": []}), 1);
        expect(&json!({"known": 5}), &json!({"known": null}), 1);
    }

    #[test]
    fn other_words_for_the_same_no_are_none() {
        let other = json!({"unsupported": {"because": "not_in_kernel", "detail": "E2BIG"}});
        expect(&no(), &other, 0);
    }

    #[test]
    fn a_helper_that_root_may_call_must_not_be_missing() {
        let root = json!({"supported": ["a", "b"], "unsupported": ["c"], "unknown": {}});
        let lower = json!({"supported": ["a"], "unsupported": ["b", "c"], "unknown": {}});
        expect(&root, &lower, 1);
        expect(&lower, &root, 1);
        let fewer = json!({"supported": ["a"], "unsupported": [], "unknown": {"b": {}}});
        expect(&root, &fewer, 0);
    }

    #[test]
    fn every_yes_and_every_no_is_counted() {
        let row = json!({"supported": ["a", "b"], "unsupported": ["c"], "unknown": {"d": {}}});
        let facts =
            json!({"hash": "supported", "lru": no(), "x": unknown(), "helpers": {"xdp": row}});
        assert_eq!(known(&facts), 5);
    }

    #[test]
    fn rights_themselves_differ() {
        let report = |it: &str| json!({"facts": {"privilege": {"known": it}}});
        assert_eq!(contradictions(&report("root"), &report("none")), []);
    }
}
