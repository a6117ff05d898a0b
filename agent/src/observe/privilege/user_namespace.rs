//! In which user namespace this process is: bpf(2) counts capabilities in the initial one only.

use rustix::fs;
use rustix::io::Errno;

use crate::facts::Failure;
use crate::observe::host::cause_of_io;

const PATH: &str = "/proc/self/ns/user";

/// `PROC_USER_INIT_INO` of `include/linux/proc_ns.h`: the inode of the initial user namespace,
/// the same in every kernel since 3.8.
const INITIAL: u64 = 0xEFFF_FFFD;

/// Whether this process is in the initial user namespace.
pub(super) fn is_initial() -> Result<bool, Failure> {
    match fs::stat(PATH) {
        Ok(stat) => Ok(stat.st_ino == INITIAL),
        // A kernel without CONFIG_USER_NS has one user namespace and no such file. That procfs is
        // there is known: the status file was just read.
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => {
            Err(Failure::new(cause_of_io(&errno.into()), format!("cannot look at {PATH}: {errno}")))
        }
    }
}
