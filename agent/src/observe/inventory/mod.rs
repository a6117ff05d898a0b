//! All programs, maps and links that are loaded now.

mod enumerate;
mod iterate;
mod layout;
mod records;
mod standing;
mod statistics;
#[cfg(test)]
mod tests;

pub use layout::Layout;
pub use standing::{List, Standing};
pub use statistics::{RunTime, Statistics};

use super::Host;
use super::bpf::answer::Rights;
use crate::facts::inventory::{Inventory, Method};
use crate::facts::privilege::Privilege;
use crate::facts::{Failure, Observed};

/// Most objects of one list: far more than any node has, and a few megabytes.
const MOST: usize = 100_000;

/// Lists programs, maps and links by BPF iterators, by id enumeration where those do not work.
pub fn inventory(host: &Host, privilege: &Observed<Privilege>, layout: &Layout) -> Inventory {
    let live = || list(Rights::of(privilege), layout);
    host.ask("inventory", live, |failure| all_unknown(&failure))
}

/// An inventory of which nothing is known.
pub fn all_unknown(failure: &Failure) -> Inventory {
    Inventory {
        method: Observed::Unknown(failure.clone()),
        programs: Observed::Unknown(failure.clone()),
        maps: Observed::Unknown(failure.clone()),
        links: Observed::Unknown(failure.clone()),
    }
}

fn list(rights: Rights, layout: &Layout) -> Inventory {
    let programs = either(iterate::programs(rights, layout), || enumerate::programs(rights));
    let maps = either(iterate::maps(rights, layout), || enumerate::maps(rights));
    let links = either(iterate::links(rights, layout), || enumerate::links(rights));
    Inventory {
        method: programs.as_ref().map(|(method, _)| *method).map_err(Clone::clone).into(),
        programs: programs.map(|(_, list)| list).into(),
        maps: maps.map(|(_, list)| list).into(),
        links: links.map(|(_, list)| list).into(),
    }
}

/// Iterators, and where they do not work ids. Where neither does, the iterators' failure is told
/// first: they are what the default rights are for.
fn either<T>(
    iterated: Result<Vec<T>, Failure>,
    enumerate: impl FnOnce() -> Result<Vec<T>, Failure>,
) -> Result<(Method, Vec<T>), Failure> {
    let first = match iterated {
        Ok(list) => return Ok((Method::Iterators, list)),
        Err(failure) => failure,
    };
    match enumerate() {
        Ok(list) => Ok((Method::IdEnumeration, list)),
        Err(second) => {
            let detail = format!("{}; by ids: {}", first.detail, second.detail);
            Err(Failure::new(first.cause, detail))
        }
    }
}
