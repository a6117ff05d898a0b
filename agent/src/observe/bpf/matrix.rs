//! The helper matrix: a row a program type, a question a helper. By far the most questions, so
//! all processors share them.

use std::collections::BTreeMap;
use std::thread;

use super::answer::Rights;
use super::crew;
use super::early::Asked;
use super::helper;
use super::program::{self, Variant};
use super::sys::{Log, Program};
use super::target::Targets;
use super::usual::Answers;
use crate::facts::bpf::{HelperRow, ProgramSupport, Support};
use crate::facts::btf::BtfFacts;
use crate::facts::{Cause, Failure, Observed};

/// The helper questions.
pub(crate) struct Matrix<'a> {
    candidates: Vec<(u32, String)>,
    known_to_kernel: Option<&'a BTreeMap<u32, String>>,
    rights: Rights,
    asked: &'a Asked,
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
        asked: &'a Asked,
        targets: &Targets,
        btf: &'a Observed<BtfFacts>,
        rights: Rights,
    ) -> Self {
        let vmlinux = btf.known().and_then(|it| it.vmlinux.as_ref());
        let known_to_kernel = vmlinux.and_then(|it| it.helpers.as_ref());
        let candidates = helper::candidates(known_to_kernel);
        let names = program::names();
        let rows = names.flat_map(|name| rows_of(name, &asked.programs, targets)).collect();
        Self { candidates, known_to_kernel, rights, asked, rows }
    }

    /// Asks for all rows, while this thread first does something else.
    pub(crate) fn ask<B>(
        &self,
        beside: impl FnOnce() -> B,
    ) -> (thread::Result<BTreeMap<String, Observed<HelperRow>>>, B) {
        let usual = crew::share(&self.rows, |row| self.usual(row));
        let shares: Vec<_> = self.shares(&usual).collect();
        let (answers, done) = crew::share_beside(&shares, |it| self.answer(it), beside);
        let answers = answers.map(|it| {
            let mut rows = BTreeMap::new();
            for (share, answer) in shares.iter().zip(it) {
                join(&mut rows, &share.row.name, answer);
            }
            rows
        });
        (answers, done)
    }

    fn usual(&self, row: &Row) -> Answers {
        match (self.asked.helpers.get(row.name.as_str()), row.program()) {
            (Some(answers), _) => answers.clone(),
            (None, Ok(program)) => self.asked.usual.answers(program, &mut Log::new()),
            (None, Err(_)) => Answers::new(),
        }
    }

    /// Rows in parts, so that no processor waits for long while another one asks its last.
    fn shares<'s>(&'s self, usual: &'s [Answers]) -> impl Iterator<Item = Share<'s>> {
        let part = self.candidates.len().div_ceil(PARTS).max(1);
        self.rows.iter().zip(usual).flat_map(move |(row, usual)| {
            self.candidates.chunks(part).map(move |candidates| Share { row, usual, candidates })
        })
    }

    fn answer(&self, share: &Share<'_>) -> Observed<HelperRow> {
        let candidates = share.candidates;
        match share.row.program() {
            Ok(program) => {
                let known = self.known_to_kernel;
                Observed::Known(helper::row(program, candidates, known, share.usual, self.rights))
            }
            Err(None) => Observed::Known(helper::absent_row(candidates)),
            Err(Some(failure)) => Observed::Unknown(failure.clone()),
        }
    }
}

/// Into how many parts a row is cut.
const PARTS: usize = 3;

/// A part of a row.
struct Share<'a> {
    row: &'a Row,
    /// Of the whole row.
    usual: &'a Answers,
    candidates: &'a [(u32, String)],
}

impl Row {
    /// What to load. No failure: the type is absent.
    fn program(&self) -> Result<Program<'static>, Option<&Failure>> {
        match (&self.load, &self.variant) {
            (Support::Unsupported(_), _) => Err(None),
            (Support::Unknown(failure), _) | (_, Err(failure)) => Err(Some(failure)),
            (Support::Supported, Ok(variant)) => Ok(variant.program),
        }
    }
}

fn join(rows: &mut BTreeMap<String, Observed<HelperRow>>, name: &str, part: Observed<HelperRow>) {
    match (rows.get_mut(name), part) {
        (Some(Observed::Known(row)), Observed::Known(part)) => {
            row.supported.extend(part.supported);
            row.unsupported.extend(part.unsupported);
            row.refused.extend(part.refused);
            row.unknown.extend(part.unknown);
        }
        (_, part) => {
            rows.insert(name.to_owned(), part);
        }
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
