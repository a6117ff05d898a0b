//! The key `bpfready`: what bpftool's schema has no place for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Unknowns;
use super::helpers::unknown_by_cause;
use crate::facts::bpf::{BpfFacts, Feature, ProgramSupport, Support};
use crate::facts::{Facts, Failure, Observed};

/// What is unknown, and what bpftool does not ask.
#[derive(Serialize)]
pub(super) struct Extra<'a> {
    agent_version: &'a str,
    /// By section and key of bpftool: why the key is missing.
    unknown: BTreeMap<&'static str, BTreeMap<String, &'a Failure>>,
    /// By program type (and attach type), then by cause: helpers that could not be told.
    unknown_helpers: BTreeMap<&'a str, BTreeMap<&'static str, Vec<String>>>,
    /// `supported`, `unsupported` or `unknown`, by program type and expected attach type.
    program_attach_types: BTreeMap<&'a str, Words<'a>>,
    map_flags: Words<'a>,
    attach_types: Words<'a>,
    link_types: Words<'a>,
    features: BTreeMap<Feature, &'static str>,
}

type Words<'a> = BTreeMap<&'a str, &'static str>;

impl<'a> Extra<'a> {
    pub(super) fn of(facts: &'a Facts, unknown: Unknowns<'a>) -> Self {
        let BpfFacts { programs, map_flags, attach_types, link_types, features, .. } = &facts.bpf;
        Self {
            agent_version: &facts.agent_version,
            unknown: unknown.keys,
            unknown_helpers: unknown_helpers(&facts.bpf),
            program_attach_types: by_attach_type(programs),
            map_flags: words(map_flags),
            attach_types: words(attach_types),
            link_types: words(link_types),
            features: features.iter().map(|(it, support)| (*it, support.as_str())).collect(),
        }
    }
}

fn unknown_helpers(bpf: &BpfFacts) -> BTreeMap<&str, BTreeMap<&'static str, Vec<String>>> {
    let Observed::Known(rows) = &bpf.helpers else { return BTreeMap::new() };
    let known = rows.iter().filter_map(|(name, row)| Some((name.as_str(), row.known()?)));
    let some = known.filter(|(_, row)| !row.unknown.is_empty());
    some.map(|(name, row)| (name, unknown_by_cause(row))).collect()
}

fn by_attach_type(programs: &BTreeMap<String, ProgramSupport>) -> BTreeMap<&str, Words<'_>> {
    let several = programs.iter().filter(|(_, it)| !it.by_attach_type.is_empty());
    several.map(|(name, it)| (name.as_str(), words(&it.by_attach_type))).collect()
}

fn words(answers: &BTreeMap<String, Support>) -> Words<'_> {
    answers.iter().map(|(name, support)| (name.as_str(), support.as_str())).collect()
}
