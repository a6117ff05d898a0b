//! What the kernel's security settings allow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Observed;

/// LSMs, lockdown and sysctls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityFacts {
    /// Active LSMs in the order the kernel asks them, from securityfs, else
    /// lsm_list_modules(2) (Linux 6.8). `Known(None)`: neither source exists here, so nothing is
    /// said about any LSM.
    pub lsms: Observed<Option<LsmList>>,
    /// Active lockdown mode; `Known(None)`: no lockdown LSM, or securityfs not mounted.
    pub lockdown: Observed<Option<Lockdown>>,
    /// sysctls by name (`net.core.bpf_jit_enable`); `Known(None)`: this kernel has no such sysctl.
    pub sysctls: BTreeMap<String, Observed<Option<String>>>,
}

/// The active LSMs and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LsmList {
    /// Names as the kernel prints them, such as `bpf`.
    pub names: Vec<String>,
    /// Where the list came from.
    pub source: LsmSource,
}

/// Who listed the LSMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LsmSource {
    /// `/sys/kernel/security/lsm`.
    Securityfs,
    /// lsm_list_modules(2).
    LsmListModules,
}

/// Kernel lockdown mode, `security/lockdown/lockdown.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lockdown {
    /// Nothing is locked down.
    None,
    /// User space cannot change the kernel.
    Integrity,
    /// User space cannot read kernel secrets either: tracing helpers are refused.
    Confidentiality,
}
