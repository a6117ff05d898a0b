//! Which kernel and distribution this is.

use super::{Host, Looks};
use crate::facts::kernel::KernelFacts;
use crate::facts::{Cause, Observed};

/// Reads uname(2), the boot id, os-release(5) and whether `/proc/schedstat` is there.
pub fn kernel(_host: &Host, _looks: &mut Looks) -> KernelFacts {
    KernelFacts {
        uname: Observed::unknown(Cause::NotSupported, "being written"),
        boot_id: Observed::unknown(Cause::NotSupported, "being written"),
        os: Observed::unknown(Cause::NotSupported, "being written"),
        schedstat: Observed::unknown(Cause::NotSupported, "being written"),
    }
}
