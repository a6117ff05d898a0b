//! LSMs, lockdown and sysctls.

pub mod lockdown;
pub mod lsm;
mod lsm_list_modules;
pub mod sysctl;

use super::{Host, Looks};
use crate::facts::security::SecurityFacts;

/// Reads what the kernel's security settings allow.
pub fn security(host: &Host, looks: &mut Looks) -> SecurityFacts {
    let lsms = looks.observed("lsm", || lsm::lsms(host));
    let lockdown = looks.observed("lockdown", || lockdown::lockdown(host, &lsms));
    let sysctls = looks.many("sysctls", || sysctl::sysctls(host), |it| sysctl::all_unknown(&it));
    SecurityFacts { lsms, lockdown, sysctls }
}
