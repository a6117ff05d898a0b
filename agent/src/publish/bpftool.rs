//! Facts in the JSON schema of `bpftool -j feature probe kernel full` (bpftool 7.5), and more.
//!
//! Keys and types are bpftool's (`src/feature.c` of libbpf/bpftool), so its readers can read this.
//! Its booleans cannot say "could not tell": what is unknown is left out of its sections and
//! listed with the cause under `bpfready`, a key that bpftool does not have.

mod config;
mod extra;
mod helpers;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::facts::bpf::{BpfFacts, Feature, Support};
use crate::facts::{Facts, Failure};
use extra::Extra;

/// The document as one line of JSON, as bpftool prints it.
///
/// # Errors
///
/// Never for facts of this build; the signature is that of the serialiser.
pub fn render(facts: &Facts) -> serde_json::Result<String> {
    serde_json::to_string(&Document::of(facts)).map(|it| it + "\n")
}

#[derive(Serialize)]
struct Document<'a> {
    system_config: BTreeMap<String, Value>,
    syscall_config: BTreeMap<String, bool>,
    program_types: BTreeMap<String, bool>,
    map_types: BTreeMap<String, bool>,
    helpers: BTreeMap<String, Vec<String>>,
    misc: BTreeMap<String, bool>,
    bpfready: Extra<'a>,
}

impl<'a> Document<'a> {
    fn of(facts: &'a Facts) -> Self {
        let BpfFacts { syscall, programs, maps, features, .. } = &facts.bpf;
        let mut unknown = Unknowns::default();
        let named = |kind, it: (&String, &'a Support)| (format!("have_{}_{kind}", it.0), it.1);
        let types = programs.iter().map(|(name, it)| named("prog_type", (name, &it.load)));
        Self {
            system_config: config::system_config(facts, &mut unknown),
            syscall_config: section(
                "syscall_config",
                [("have_bpf_syscall".to_owned(), syscall)],
                &mut unknown,
            ),
            program_types: section("program_types", types, &mut unknown),
            map_types: section(
                "map_types",
                maps.iter().map(|it| named("map_type", it)),
                &mut unknown,
            ),
            helpers: helpers::helpers(&facts.bpf, &mut unknown),
            misc: section("misc", misc(features), &mut unknown),
            bpfready: Extra::of(facts, unknown),
        }
    }
}

/// What bpftool calls "misc"; the fourth instruction set is a key of bpftool 7.6.
const MISC: [(Feature, &str); 5] = [
    (Feature::LargeInstructionLimit, "have_large_insn_limit"),
    (Feature::BoundedLoops, "have_bounded_loops"),
    (Feature::IsaV2, "have_v2_isa_extension"),
    (Feature::IsaV3, "have_v3_isa_extension"),
    (Feature::IsaV4, "have_v4_isa_extension"),
];

fn misc(features: &BTreeMap<Feature, Support>) -> impl Iterator<Item = (String, &Support)> {
    MISC.iter().filter_map(|(feature, key)| Some(((*key).to_owned(), features.get(feature)?)))
}

/// The known answers as booleans; the others go to `unknown`.
fn section<'a>(
    name: &'static str,
    answers: impl IntoIterator<Item = (String, &'a Support)>,
    unknown: &mut Unknowns<'a>,
) -> BTreeMap<String, bool> {
    let mut known = BTreeMap::new();
    for (key, support) in answers {
        match support {
            Support::Supported => drop(known.insert(key, true)),
            Support::Unsupported(_) => drop(known.insert(key, false)),
            Support::Unknown(failure) => unknown.add(name, key, failure),
        }
    }
    known
}

/// Keys that bpftool would have printed and that could not be told.
#[derive(Default)]
struct Unknowns<'a> {
    keys: BTreeMap<&'static str, BTreeMap<String, &'a Failure>>,
}

impl<'a> Unknowns<'a> {
    fn add(&mut self, section: &'static str, key: impl Into<String>, failure: &'a Failure) {
        self.keys.entry(section).or_default().insert(key.into(), failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Cause;
    use crate::facts::bpf::Because;

    #[test]
    fn yes_and_no_are_booleans_and_the_rest_is_listed_with_its_cause() {
        let answers = [
            ("have_xdp_prog_type".to_owned(), Support::Supported),
            (
                "have_lirc_mode2_prog_type".to_owned(),
                Support::unsupported(Because::NotInKernel, ""),
            ),
            ("have_lsm_prog_type".to_owned(), Support::unknown(Cause::PermissionDenied, "EPERM")),
        ];
        let mut unknown = Unknowns::default();
        let answers = answers.iter().map(|(key, support)| (key.clone(), support));
        let known = section("program_types", answers, &mut unknown);
        let expected =
            [("have_lirc_mode2_prog_type".into(), false), ("have_xdp_prog_type".into(), true)];
        assert_eq!(known, BTreeMap::from(expected));
        let listed = unknown.keys["program_types"]["have_lsm_prog_type"];
        assert_eq!(listed.cause, Cause::PermissionDenied);
    }
}
