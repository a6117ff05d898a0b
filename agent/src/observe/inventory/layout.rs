//! What the iterators need of the kernel's BTF, without the BTF.

use super::iterate::{Iterator, LINKS, MAPS, PROGRAMS};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::btf::Btf;

/// Numbers that hold until the next boot: a few hundred bytes in place of several megabytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub(super) programs: Result<Place, Failure>,
    pub(super) maps: Result<Place, Failure>,
    pub(super) links: Result<Place, Failure>,
}

/// What one iterator needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Type id of the function that stands for the iterator.
    pub(super) target: u32,
    /// Globals of the program, and the offset that each holds.
    pub(super) offsets: Vec<(&'static str, u32)>,
}

impl Layout {
    /// Finds them.
    pub fn of(vmlinux: &Observed<Option<Btf>>) -> Self {
        let place = |it: &Iterator| btf(vmlinux).and_then(|btf| Place::of(it, btf));
        Self { programs: place(&PROGRAMS), maps: place(&MAPS), links: place(&LINKS) }
    }
}

impl Place {
    fn of(iterator: &Iterator, btf: &Btf) -> Result<Self, Failure> {
        let target = btf
            .type_id_of_func(iterator.target)
            .ok_or_else(|| not_there(&format!("iterator {}", iterator.target)))?;
        let offset = |(global, outer, field): &(&'static str, &str, &str)| {
            let offset = btf.field_offset(outer, field);
            let offset = offset.ok_or_else(|| not_there(&format!("field {outer}.{field}")))?;
            Ok((*global, offset))
        };
        let offsets = iterator.fields.iter().map(offset).collect::<Result<_, Failure>>()?;
        Ok(Self { target, offsets })
    }
}

fn btf(vmlinux: &Observed<Option<Btf>>) -> Result<&Btf, Failure> {
    match vmlinux {
        Observed::Known(Some(btf)) => Ok(btf),
        Observed::Known(None) => {
            Err(Failure::new(Cause::Prerequisite, "iterators need BTF, which this kernel has not"))
        }
        Observed::Unknown(failure) => {
            let detail = format!("iterators need the kernel's BTF: {}", failure.detail);
            Err(Failure::new(Cause::Prerequisite, detail))
        }
    }
}

fn not_there(what: &str) -> Failure {
    Failure::new(Cause::Prerequisite, format!("the kernel's BTF has no {what}"))
}
