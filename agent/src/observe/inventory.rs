//! All programs, maps and links that are loaded now.

use super::Host;
use crate::facts::inventory::Inventory;
use crate::facts::{Cause, Observed};

/// Lists programs, maps and links by BPF iterators, by id enumeration where those are missing.
pub fn inventory(_host: &Host) -> Inventory {
    Inventory {
        method: Observed::unknown(Cause::NotSupported, "being written"),
        programs: Observed::unknown(Cause::NotSupported, "being written"),
        maps: Observed::unknown(Cause::NotSupported, "being written"),
        links: Observed::unknown(Cause::NotSupported, "being written"),
    }
}
