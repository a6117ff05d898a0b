//! The kernel's own type information.

use super::Host;
use crate::facts::btf::BtfFacts;
use crate::facts::{Cause, Observed};

/// Parses `/sys/kernel/btf/vmlinux` and lists module BTF.
pub fn btf(_host: &Host) -> Observed<BtfFacts> {
    Observed::unknown(Cause::NotSupported, "being written")
}
