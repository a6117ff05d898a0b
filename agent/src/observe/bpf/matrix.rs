//! The helper matrix: a row a program type, a question a helper. By far the most questions, so
//! all processors share them.

use std::collections::BTreeMap;
use std::thread;

use super::answer::Rights;
use super::crew;
use super::helper;
use super::program::{self, Variant};
use super::target::Targets;
use super::usual::Usual;
use crate::facts::bpf::{HelperRow, ProgramSupport, Support};
use crate::facts::btf::BtfFacts;
use crate::facts::{Cause, Failure, Observed};

/// The helper questions.
pub(crate) struct Matrix<'a> {
    candidates: Vec<(u32, String)>,
    known_to_kernel: Option<&'a BTreeMap<u32, String>>,
    rights: Rights,
    usual: Usual,
    rows: Vec<Row>,
}

/// One row of the helper matrix.
struct Row {
    name: String,
    variant: Result<Variant, Failure>,
    /// What loading the type at all gave.
    load: Support,
}

/// Attach types with a row of their own. The others have the helpers of one of these: what
/// `tracing_prog_func_proto` of `kernel/trace/bpf_trace.c` tells apart are iterators, programs
/// with a trampoline and those that see the result as well.
const ROWS_OF_ATTACH_TYPES: [&str; 5] =
    [ITERATOR, "tracing/trace_fentry", "tracing/trace_fexit", "lsm/lsm_mac", "lsm/lsm_cgroup"];

impl<'a> Matrix<'a> {
    /// Plans the rows: what was loaded says how.
    pub(crate) fn new(
        programs: &BTreeMap<String, ProgramSupport>,
        targets: &Targets,
        btf: &'a Observed<BtfFacts>,
        rights: Rights,
    ) -> Self {
        let vmlinux = btf.known().and_then(|it| it.vmlinux.as_ref());
        let known_to_kernel = vmlinux.and_then(|it| it.helpers.as_ref());
        let candidates = helper::candidates(known_to_kernel);
        let rows = program::names().flat_map(|name| rows_of(name, programs, targets)).collect();
        Self { candidates, known_to_kernel, rights, usual: Usual::new(), rows }
    }

    /// Asks for all rows, while this thread first does something else.
    pub(crate) fn ask<B>(
        &self,
        beside: impl FnOnce() -> B,
    ) -> (thread::Result<BTreeMap<String, Observed<HelperRow>>>, B) {
        let ask = |row: &Row| (row.name.clone(), self.answer(row));
        let (rows, done) = crew::share_beside(&self.rows, ask, beside);
        (rows.map(|it| it.into_iter().collect()), done)
    }

    fn answer(&self, row: &Row) -> Observed<HelperRow> {
        let program = match (&row.load, &row.variant) {
            (Support::Unsupported(_), _) => {
                return Observed::Known(helper::absent_row(&self.candidates));
            }
            (Support::Unknown(failure), _) | (_, Err(failure)) => {
                return Observed::Unknown(failure.clone());
            }
            (Support::Supported, Ok(variant)) => variant.program,
        };
        let known = self.known_to_kernel;
        Observed::Known(helper::row(program, &self.candidates, known, &self.usual, self.rights))
    }
}

/// One row a type; one an attach type where that decides (tracing, LSM).
fn rows_of(
    name: &'static str,
    programs: &BTreeMap<String, ProgramSupport>,
    targets: &Targets,
) -> Vec<Row> {
    let Some(support) = programs.get(name) else { return Vec::new() };
    if name == "ext" {
        let failure =
            Failure::new(Cause::NotSupported, "an ext program may call what its target may call");
        return vec![Row {
            name: name.to_owned(),
            variant: Err(failure),
            load: support.load.clone(),
        }];
    }
    let kind = program::kind(name);
    if !matches!(name, "tracing" | "lsm") {
        let variant = kind.variants(targets).into_iter().next();
        let missing = || Failure::new(Cause::NotSupported, "no way to load this type is known");
        let variant = variant.map(|it| it.map_err(|missing| missing.failure));
        let variant = variant.unwrap_or_else(|| Err(missing()));
        return vec![Row { name: name.to_owned(), variant, load: support.load.clone() }];
    }
    let variants = kind.variants(targets).into_iter();
    let mut rows: Vec<_> = variants
        .map(|variant| {
            let (attach_type, variant) = match variant {
                Ok(it) => (it.attach_type.unwrap_or_default(), Ok(it)),
                Err(missing) => (missing.attach_type, Err(missing.failure)),
            };
            let load = support.by_attach_type.get(attach_type).unwrap_or(&support.load).clone();
            Row { name: format!("{name}/{attach_type}"), variant, load }
        })
        .collect();
    rows.retain(|it| ROWS_OF_ATTACH_TYPES.contains(&it.name.as_str()));
    if !targets.fast_symbols() {
        let slow = rows.iter_mut().filter(|it| it.name != ITERATOR && it.variant.is_ok());
        slow.for_each(|it| it.variant = too_slow());
    }
    rows
}

/// A load for a function of the kernel looks the function's symbol up. Before Linux 6.2 that walks
/// the whole symbol table, some milliseconds a load: a row would take longer than everything else
/// together. Iterators are found in BTF alone.
fn too_slow() -> Result<Variant, Failure> {
    let detail = "not asked: each load makes this kernel walk through its whole symbol table";
    Err(Failure::new(Cause::Timeout, detail))
}

const ITERATOR: &str = "tracing/trace_iter";
