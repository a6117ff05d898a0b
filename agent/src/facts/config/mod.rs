//! How the kernel was built and which of its modules are there.

mod modules;
mod options;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Observed};
pub use modules::{MODULES, Module};
pub use options::OPTIONS;

/// Kernel configuration and modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFacts {
    /// The running kernel's configuration; `Known(None)`: none of the known places has one.
    pub kconfig: Observed<Option<Kconfig>>,
    /// State of each of [`MODULES`], by its kernel name (`vxlan`).
    pub modules: BTreeMap<String, Observed<ModuleState>>,
}

/// A kernel configuration that belongs to the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kconfig {
    /// Which file it was read from.
    pub path: String,
    /// How the file was tied to the running kernel.
    pub tie: KconfigTie,
    /// Options of [`OPTIONS`] (with `CONFIG_`) that are set, as the file writes them: `y`, `m`, a
    /// number, a string with its quotes. One of [`OPTIONS`] that is not here is not set.
    pub options: BTreeMap<String, String>,
}

impl Kconfig {
    /// What the configuration says of one option; `Known(None)`: it is not set. Unknown for an
    /// option that is not kept, so that a name outside of [`OPTIONS`] never reads as "not set".
    pub fn option(&self, name: &str) -> Observed<Option<&str>> {
        if OPTIONS.binary_search(&name).is_err() {
            return Observed::unknown(
                Cause::NotSupported,
                format!("{name} is not among the options that are kept"),
            );
        }
        Observed::Known(self.options.get(name).map(String::as_str))
    }
}

/// How a configuration was tied to the running kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KconfigTie {
    /// Its header names this kernel's version and architecture.
    Header,
    /// It has no header; its path carries `uname -r`, or it is `/proc/config.gz`.
    Path,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kconfig() -> Kconfig {
        let options = [("CONFIG_BPF".to_owned(), "y".to_owned())].into();
        Kconfig { path: "/proc/config.gz".into(), tie: KconfigTie::Header, options }
    }

    #[test]
    fn an_option_is_set_or_not_set() {
        assert_eq!(kconfig().option("CONFIG_BPF"), Observed::Known(Some("y")));
        assert_eq!(kconfig().option("CONFIG_NETKIT"), Observed::Known(None));
    }

    #[test]
    fn an_option_that_is_not_kept_is_unknown_and_never_not_set() {
        assert!(kconfig().option("CONFIG_EXT4_FS").failure().is_some());
    }
}
