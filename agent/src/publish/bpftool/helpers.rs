//! `helpers`: which helpers a program type may call.

use std::collections::{BTreeMap, BTreeSet};

use super::Unknowns;
use crate::facts::Observed;
use crate::facts::bpf::{BpfFacts, HelperRow, Support};

/// bpftool's lists. A type that is asked by attach type (`tracing/trace_iter`) has the helpers
/// that at least one of its attach types may call; bpftool asks one attach type, or none.
pub(super) fn helpers<'a>(
    bpf: &'a BpfFacts,
    unknown: &mut Unknowns<'a>,
) -> BTreeMap<String, Vec<String>> {
    let rows = match &bpf.helpers {
        Observed::Known(rows) => rows,
        Observed::Unknown(failure) => {
            unknown.add("helpers", "*_available_helpers", failure);
            return BTreeMap::new();
        }
    };
    let mut lists: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, row) in rows {
        match row {
            Observed::Known(row) => {
                let supported = row.supported.iter().map(String::as_str);
                lists.entry(key(name)).or_default().extend(supported);
            }
            Observed::Unknown(failure) => unknown.add("helpers", row_key(name), failure),
        }
    }
    for (name, program) in &bpf.programs {
        // A type that cannot be loaded calls nothing: bpftool prints an empty list.
        if matches!(program.load, Support::Unsupported(_)) {
            lists.entry(key(name)).or_default();
        }
    }
    let named = |list: BTreeSet<&str>| list.iter().map(|it| format!("bpf_{it}")).collect();
    lists.into_iter().map(|(key, list)| (key, named(list))).collect()
}

/// The key of one row: `tracing/trace_iter_available_helpers` stands for that attach type alone.
fn row_key(row: &str) -> String {
    format!("{row}_available_helpers")
}

/// `tracing/trace_iter` is listed under its program type.
fn key(row: &str) -> String {
    row_key(row.split_once('/').map_or(row, |it| it.0))
}

/// The helpers of a row that could not be told, by cause.
pub(super) fn unknown_by_cause(row: &HelperRow) -> BTreeMap<&'static str, Vec<String>> {
    let mut causes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (helper, failure) in &row.unknown {
        causes.entry(failure.cause.as_str()).or_default().push(format!("bpf_{helper}"));
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cause, Failure};

    fn row(supported: &[&str], unknown: &[&str]) -> HelperRow {
        let failure = Failure::new(Cause::PermissionDenied, "EPERM");
        HelperRow {
            supported: supported.iter().map(ToString::to_string).collect(),
            unknown: unknown.iter().map(|it| (it.to_string(), failure.clone())).collect(),
            ..HelperRow::default()
        }
    }

    fn known(row: &(&str, HelperRow)) -> (String, Observed<HelperRow>) {
        (row.0.to_owned(), Observed::Known(row.1.clone()))
    }

    fn facts(rows: &[(&str, HelperRow)]) -> BpfFacts {
        BpfFacts {
            syscall: Support::Supported,
            programs: BTreeMap::new(),
            maps: BTreeMap::new(),
            map_flags: BTreeMap::new(),
            helpers: Observed::Known(rows.iter().map(known).collect()),
            attach_types: BTreeMap::new(),
            link_types: BTreeMap::new(),
            features: BTreeMap::new(),
        }
    }

    #[test]
    fn attach_types_of_one_program_type_are_one_list() {
        let bpf = facts(&[
            ("tracing/trace_fentry", row(&["get_func_ip"], &[])),
            ("tracing/trace_iter", row(&["seq_write"], &["d_path"])),
        ]);
        let lists = helpers(&bpf, &mut Unknowns::default());
        assert_eq!(lists["tracing_available_helpers"], ["bpf_get_func_ip", "bpf_seq_write"]);
    }

    #[test]
    fn an_unknown_helper_is_named_with_its_cause_and_is_in_no_list() {
        let row = row(&["seq_write"], &["d_path"]);
        assert_eq!(unknown_by_cause(&row)["permission_denied"], ["bpf_d_path"]);
    }
}
