//! Kernel configuration and modules.

mod gunzip;
pub mod kconfig;
pub mod modules;
mod places;
mod tie;

use super::{Host, Looks};
use crate::facts::Observed;
use crate::facts::config::ConfigFacts;
use crate::facts::kernel::Uname;

/// Reads the configuration of the running kernel and the state of its modules.
pub fn config(host: &Host, looks: &mut Looks, uname: &Observed<Uname>) -> ConfigFacts {
    let kconfig = looks.observed("kconfig", || places::kconfig(host, uname));
    let modules = looks.many(
        "modules",
        || modules::modules(host, uname, &kconfig),
        |failure| modules::all_unknown(&failure),
    );
    ConfigFacts { kconfig, modules }
}
