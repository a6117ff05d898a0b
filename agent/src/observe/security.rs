//! LSMs, lockdown and sysctls.

use std::collections::BTreeMap;

use super::{Host, Looks};
use crate::facts::security::SecurityFacts;
use crate::facts::{Cause, Observed};

/// Reads what the kernel's security settings allow.
pub fn security(_host: &Host, _looks: &mut Looks) -> SecurityFacts {
    SecurityFacts {
        lsms: Observed::unknown(Cause::NotSupported, "being written"),
        lockdown: Observed::unknown(Cause::NotSupported, "being written"),
        sysctls: BTreeMap::new(),
    }
}
