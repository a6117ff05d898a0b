//! uname(2).

use crate::facts::Observed;
use crate::facts::kernel::Uname;
use crate::observe::Host;

/// Asks the running kernel for its name; a mounted root has no kernel of its own.
pub(super) fn uname(host: &Host) -> Observed<Uname> {
    host.ask_observed("uname", || {
        let uname = rustix::system::uname();
        Observed::Known(Uname {
            release: uname.release().to_string_lossy().into_owned(),
            version: uname.version().to_string_lossy().into_owned(),
            machine: uname.machine().to_string_lossy().into_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_one_that_procfs_shows() {
        let uname = uname(&Host::live().unwrap());
        let expected = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(uname.known().unwrap().release, expected.trim_end());
    }
}
