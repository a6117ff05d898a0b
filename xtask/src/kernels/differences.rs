//! Where `bpfready` and `bpftool` answer differently, and whether a table says who is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// One answer that is not the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// `section/key`, or for helpers `helpers/{type}_available_helpers/{helper}`.
    pub(crate) at: String,
    /// `None`: left out. A helper in a list is `true`.
    pub(crate) bpftool: Option<Value>,
    pub(crate) bpfready: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [bpftool, bpfready] = [&self.bpftool, &self.bpfready].map(word);
        write!(f, "{}: bpftool says {bpftool}, bpfready {bpfready}", self.at)
    }
}

fn word(value: &Option<Value>) -> String {
    value.as_ref().map_or("nothing".to_owned(), Value::to_string)
}

/// Compares two documents in bpftool's schema. What only `bpfready` has is no difference, since its
/// document is a superset; an element that only one list of helpers has is one.
pub(crate) fn differences(bpftool: &Value, bpfready: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let sections = bpftool.as_object().into_iter().flatten();
    for (section, theirs) in sections {
        for (key, theirs) in theirs.as_object().into_iter().flatten() {
            let ours = bpfready.get(section).and_then(|it| it.get(key));
            let at = format!("{section}/{key}");
            match (theirs, ours) {
                (Value::Array(theirs), Some(Value::Array(ours))) => {
                    found.extend(in_lists(&at, theirs, ours));
                }
                // A type without a list has no helper.
                (Value::Array(theirs), None) => found.extend(in_lists(&at, theirs, &[])),
                (theirs, ours) if Some(theirs) != ours => found.push(Difference {
                    at,
                    bpftool: Some(theirs.clone()),
                    bpfready: ours.cloned(),
                }),
                _ => {}
            }
        }
    }
    found
}

fn in_lists(at: &str, theirs: &[Value], ours: &[Value]) -> Vec<Difference> {
    let names = |list: &[Value]| -> BTreeSet<String> {
        list.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let (theirs, ours) = (names(theirs), names(ours));
    let one_sided = theirs.symmetric_difference(&ours).map(|name| Difference {
        at: format!("{at}/{name}"),
        bpftool: theirs.contains(name).then_some(Value::Bool(true)),
        bpfready: ours.contains(name).then_some(Value::Bool(true)),
    });
    one_sided.collect()
}

/// One line of the table: which differences it explains, who is right, and what shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explanation {
    /// Names of kernels; `*` stands for any characters.
    pub(crate) kernels: Vec<String>,
    /// Where, as in [`Difference::at`]; `*` likewise.
    pub(crate) at: Vec<String>,
    /// What bpftool says there; the word `any` for whatever it says.
    pub(crate) bpftool: Value,
    pub(crate) bpfready: Value,
    /// `bpfready`, `bpftool` or `both` (two questions under one name).
    pub(crate) right: String,
    pub(crate) why: String,
    /// Permalinks into the kernel's source, or a command that shows it.
    pub(crate) source: Vec<String>,
}

impl Explanation {
    fn explains(&self, kernel: &str, difference: &Difference) -> bool {
        let is = |expected: &Value, said: &Option<Value>| {
            expected == "any" || expected == said.as_ref().unwrap_or(&Value::Null)
        };
        self.kernels.iter().any(|it| matches(it, kernel))
            && self.at.iter().any(|it| matches(it, &difference.at))
            && is(&self.bpftool, &difference.bpftool)
            && is(&self.bpfready, &difference.bpfready)
    }
}

/// The table: `tests/bpftool-differences.json`.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) explanations: Vec<Explanation>,
}

impl Table {
    /// Reads the table.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not as expected", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let rows: Vec<Value> = serde_json::from_str(text)?;
        Ok(Self { explanations: rows.iter().map(explanation).collect::<Result<_>>()? })
    }

    /// Index of the line that explains a difference.
    pub(crate) fn explain(&self, kernel: &str, difference: &Difference) -> Option<usize> {
        self.explanations.iter().position(|it| it.explains(kernel, difference))
    }
}

fn explanation(row: &Value) -> Result<Explanation> {
    let text = |key: &str| {
        row[key].as_str().map(str::to_owned).with_context(|| format!("`{key}` is missing in {row}"))
    };
    let list = |key: &str| -> Result<Vec<String>> {
        let list = row[key].as_array().with_context(|| format!("`{key}` is missing in {row}"))?;
        Ok(list.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect())
    };
    let explanation = Explanation {
        kernels: list("kernels")?,
        at: list("at")?,
        bpftool: row["bpftool"].clone(),
        bpfready: row["bpfready"].clone(),
        right: text("right")?,
        why: text("why")?,
        source: list("source")?,
    };
    let known = ["bpfready", "bpftool", "both"].contains(&explanation.right.as_str());
    ensure!(known, "`right` is bpfready, bpftool or both in {row}");
    ensure!(!explanation.source.is_empty(), "`source` shows nothing in {row}");
    Ok(explanation)
}

/// Whether `*` in a pattern can stand for what a text has there.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(tail) = text.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|it| tail.is_char_boundary(*it)).any(|it| matches(rest, &tail[it..]))
}

/// Differences for reading: helpers that differ in the same way for the same types share a line.
pub(crate) fn grouped(differences: &[Difference]) -> Vec<String> {
    let mut types_of: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    let mut lines = Vec::new();
    for it in differences {
        let Some((place, helper)) =
            it.at.strip_prefix("helpers/").and_then(|at| at.split_once('/'))
        else {
            lines.push(it.to_string());
            continue;
        };
        let who = if it.bpftool.is_some() { "only bpftool" } else { "only bpfready" };
        let place = place.trim_end_matches("_available_helpers");
        types_of.entry((helper, who.to_owned())).or_default().push(place);
    }
    let mut helpers_of: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for ((helper, who), types) in types_of {
        helpers_of.entry((types.join(" "), who)).or_default().push(helper);
    }
    let line = |((types, who), helpers): ((String, String), Vec<&str>)| {
        format!("{who}, for {types}: {}", helpers.join(" "))
    };
    lines.extend(helpers_of.into_iter().map(line));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bpftool() -> Value {
        json!({
            "system_config": {"bpf_jit_enable": 1, "CONFIG_X": null},
            "program_types": {"have_xdp_prog_type": true},
            "helpers": {"xdp_available_helpers": ["bpf_redirect", "bpf_tail_call"]},
        })
    }

    #[test]
    fn what_only_we_have_is_no_difference() {
        let mut ours = bpftool();
        ours["bpfready"] = json!({"unknown": []});
        ours["misc"] = json!({"have_x": true});
        ours["program_types"]["have_new_prog_type"] = json!(true);
        assert_eq!(differences(&bpftool(), &ours), []);
    }

    #[test]
    fn another_value_a_missing_key_and_a_missing_list_are_found() {
        let ours = json!({"system_config": {"bpf_jit_enable": 2, "CONFIG_X": null}});
        let found: Vec<String> =
            differences(&bpftool(), &ours).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "helpers/xdp_available_helpers/bpf_redirect: bpftool says true, bpfready nothing",
                "helpers/xdp_available_helpers/bpf_tail_call: bpftool says true, bpfready nothing",
                "program_types/have_xdp_prog_type: bpftool says true, bpfready nothing",
                "system_config/bpf_jit_enable: bpftool says 1, bpfready 2",
            ]
        );
    }

    #[test]
    fn lists_differ_in_both_directions() {
        let mut ours = bpftool();
        ours["helpers"]["xdp_available_helpers"] = json!(["bpf_tail_call", "bpf_loop"]);
        let found = differences(&bpftool(), &ours);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].at, "helpers/xdp_available_helpers/bpf_loop");
        assert_eq!((&found[0].bpftool, &found[0].bpfready), (&None, &Some(json!(true))));
    }

    #[test]
    fn helpers_that_differ_alike_share_a_line() {
        let at =
            |at: &str| Difference { at: at.into(), bpftool: None, bpfready: Some(json!(true)) };
        let of = |kind: &str, name: &str| at(&format!("helpers/{kind}_available_helpers/{name}"));
        let found = [of("lsm", "bpf_a"), of("lsm", "bpf_b"), of("tracing", "bpf_a"), at("misc/x")];
        assert_eq!(
            grouped(&found),
            [
                "misc/x: bpftool says nothing, bpfready true",
                "only bpfready, for lsm: bpf_b",
                "only bpfready, for lsm tracing: bpf_a",
            ]
        );
    }

    const TABLE: &str = r#"[{
        "kernels": ["6.1*"], "at": ["helpers/*/bpf_loop"], "bpftool": true, "bpfready": null,
        "right": "bpfready", "why": "because", "source": ["https://example.org"]
    }]"#;

    #[test]
    fn a_line_explains_its_kernels_places_and_values_and_no_others() {
        let table = Table::parse(TABLE).unwrap();
        let loops = |at: &str, bpftool, bpfready| Difference { at: at.into(), bpftool, bpfready };
        let yes = loops("helpers/xdp_available_helpers/bpf_loop", Some(json!(true)), None);
        assert_eq!(table.explain("6.1", &yes), Some(0));
        assert_eq!(table.explain("6.12-arm64", &yes), Some(0));
        assert_eq!(table.explain("5.10", &yes), None);
        let other_way = Difference { bpftool: None, bpfready: Some(json!(true)), ..yes.clone() };
        assert_eq!(table.explain("6.1", &other_way), None);
        let other_place = loops("helpers/xdp_available_helpers/bpf_loop2", Some(json!(true)), None);
        assert_eq!(table.explain("6.1", &other_place), None);
    }

    #[test]
    fn a_line_without_a_source_is_refused() {
        let text = TABLE.replace("[\"https://example.org\"]", "[]");
        assert!(Table::parse(&text).is_err());
        assert!(Table::parse(&TABLE.replace("\"bpfready\", \"why\"", "\"me\", \"why\"")).is_err());
    }
}
