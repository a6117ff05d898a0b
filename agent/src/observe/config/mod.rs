//! Kernel configuration and modules.

use std::collections::BTreeMap;

use super::{Host, Looks};
use crate::facts::config::ConfigFacts;
use crate::facts::kernel::Uname;
use crate::facts::{Cause, Observed};

/// Reads the configuration of the running kernel and the state of its modules.
pub fn config(_host: &Host, _looks: &mut Looks, _uname: &Observed<Uname>) -> ConfigFacts {
    ConfigFacts {
        kconfig: Observed::unknown(Cause::NotSupported, "being written"),
        modules: BTreeMap::new(),
    }
}
