//! lsm_list_modules(2), Linux 6.8: the active LSMs without securityfs.

use std::io;

use rustix::io::Errno;

use crate::facts::security::{LsmList, LsmSource};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use crate::observe::host::cause_of_io;
use crate::observe::privilege::behind_seccomp_filter;

/// The same number on every architecture; glibc has no wrapper, and the `libc` crate no name for it
/// on all of them.
const SYS_LSM_LIST_MODULES: libc::c_long = 461;

/// Far more LSMs than a kernel can hold.
const MOST: usize = 64;

/// `LSM_ID_*` of `include/uapi/linux/lsm.h`, in order from 100 on, by the names of securityfs.
const FIRST_ID: u64 = 100;
const NAMES: [&str; 14] = [
    "capability",
    "selinux",
    "smack",
    "tomoyo",
    "apparmor",
    "yama",
    "loadpin",
    "safesetid",
    "lockdown",
    "bpf",
    "landlock",
    "ima",
    "evm",
    "ipe",
];

/// Asks the kernel for its LSMs; `Known(None)`: it is older than the call.
pub(super) fn lsms(host: &Host) -> Observed<Option<LsmList>> {
    host.ask_observed("lsm_list_modules", || match call() {
        Ok(ids) => Observed::Known(Some(LsmList {
            names: ids.into_iter().map(name).collect(),
            source: LsmSource::LsmListModules,
        })),
        Err(errno) => refused(errno, behind_seccomp_filter()),
    })
}

/// What a failed call means. ENOSYS says "no such call" only if the kernel itself said it.
fn refused(errno: Errno, filter: Result<bool, Failure>) -> Observed<Option<LsmList>> {
    match (errno, filter) {
        (Errno::NOSYS, Ok(false)) => Observed::Known(None),
        (Errno::NOSYS | Errno::PERM | Errno::ACCESS, Ok(true)) => Observed::unknown(
            Cause::Seccomp,
            format!("lsm_list_modules(2): {errno}, and a seccomp filter may have said so"),
        ),
        (Errno::NOSYS, Err(failure)) => Observed::Unknown(failure),
        (other, _) => {
            let cause = cause_of_io(&io::Error::from(other));
            Observed::unknown(cause, format!("lsm_list_modules(2): {other}"))
        }
    }
}

fn name(id: u64) -> String {
    let known = id.checked_sub(FIRST_ID).and_then(|it| NAMES.get(usize::try_from(it).ok()?));
    known.map_or_else(|| format!("lsm-{id}"), |it| (*it).to_owned())
}

fn call() -> Result<Vec<u64>, Errno> {
    let mut ids = [0_u64; MOST];
    // Linux 6.8.0 reads a size_t here, every later one a u32: a u64 serves both on the
    // little-endian machines that eBPF datapaths run on.
    let mut bytes = size_of_val(&ids) as u64;
    // SAFETY: the kernel writes at most `bytes` bytes into `ids` and one integer into `bytes`;
    // both outlive the call, and flags must be 0.
    let count = unsafe {
        libc::syscall(SYS_LSM_LIST_MODULES, ids.as_mut_ptr(), std::ptr::from_mut(&mut bytes), 0_u32)
    };
    match usize::try_from(count) {
        Ok(count) => Ok(ids.into_iter().take(count).collect()),
        Err(_) => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enosys_without_a_filter_is_an_older_kernel() {
        assert_eq!(refused(Errno::NOSYS, Ok(false)), Observed::Known(None));
    }

    #[test]
    fn enosys_or_eperm_behind_a_filter_settles_nothing() {
        for errno in [Errno::NOSYS, Errno::PERM] {
            let seen = refused(errno, Ok(true));
            assert_eq!(seen.failure().map(|it| it.cause), Some(Cause::Seccomp));
        }
    }

    #[test]
    fn ids_have_the_names_of_the_uapi_header() {
        assert_eq!(name(100), "capability");
        assert_eq!(name(108), "lockdown");
        assert_eq!(name(109), "bpf");
        assert_eq!(name(113), "ipe");
        assert_eq!(name(114), "lsm-114");
        assert_eq!(name(0), "lsm-0");
    }

    /// Every kernel with the call has the capability LSM.
    #[test]
    fn this_kernel_answers_or_is_older() {
        match call() {
            Ok(ids) => assert!(ids.contains(&FIRST_ID)),
            Err(errno) => assert!(matches!(errno, Errno::NOSYS | Errno::PERM)),
        }
    }
}
