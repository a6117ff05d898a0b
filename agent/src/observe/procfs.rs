//! What it means that something is not under `/proc`.

use super::Host;
use crate::facts::{Cause, Observed};

/// Every procfs has it: `fs/proc/version.c` is not optional.
const MARKER: &str = "/proc/version";

/// `absent` if the root has a procfs; unknown if it has none, since then the absence of `path`
/// says nothing about the kernel.
pub(super) fn absent<T>(host: &Host, path: &str, absent: T) -> Observed<T> {
    match host.read_bytes(MARKER) {
        Ok(Some(_)) => Observed::Known(absent),
        Ok(None) => Observed::unknown(
            Cause::Prerequisite,
            format!("{path}: no procfs is mounted at /proc of this root"),
        ),
        Err(error) => Observed::Unknown(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn a_root_without_procfs_settles_nothing() {
        let (_dir, host) = host(|_| {});
        let seen = absent(&host, "/proc/schedstat", false);
        assert_eq!(seen.failure().map(|it| it.cause), Some(Cause::Prerequisite));
    }

    #[test]
    fn a_procfs_without_the_file_is_an_absence() {
        let (_dir, host) = host(|root| {
            std::fs::create_dir(root.join("proc")).unwrap();
            std::fs::write(root.join("proc/version"), "Linux version 6.1.0\n").unwrap();
        });
        assert_eq!(absent(&host, "/proc/schedstat", false), Observed::Known(false));
    }
}
