//! How the kernel was built and which of its modules are there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Observed;

/// Kernel configuration and modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFacts {
    /// The running kernel's configuration; `Known(None)`: none of the known places has one.
    pub kconfig: Observed<Option<Kconfig>>,
    /// State of each module that Cilium may need, by its kernel name (`vxlan`).
    pub modules: BTreeMap<String, Observed<ModuleState>>,
}

/// A kernel configuration that belongs to the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kconfig {
    /// Which file it was read from.
    pub path: String,
    /// Options of interest (with `CONFIG_`) that are set; an option that is not here is not set.
    pub options: BTreeMap<String, String>,
}

/// Where a module's code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// Part of the kernel image (`modules.builtin`, `=y`).
    Builtin,
    /// Loaded now (`/proc/modules`).
    Loaded,
    /// On disk for this kernel (`modules.dep`), not loaded.
    Loadable,
    /// Neither built in nor on disk.
    Absent,
}
