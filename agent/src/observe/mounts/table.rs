//! Whose mount table is read.

use super::mountinfo::{self, Mount};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::host::cause_of_io;
use crate::observe::{Host, SourceError};

/// The host's own table, if its procfs is in the root. It needs no right (`fs/proc/base.c`), but a
/// procfs mounted with `hidepid=2` hides it.
const OF_INIT: &str = "/proc/1/mountinfo";
const OF_THIS_PROCESS: &str = "/proc/self/mountinfo";

/// The mounts of the host: as its first process sees them, else as this process sees them under
/// the root.
pub(in crate::observe) fn mounts(host: &Host) -> Observed<Vec<Mount>> {
    let of_init = host
        .read_bytes(OF_INIT)
        .and_then(|bytes| bytes.map(|it| mountinfo::parse(OF_INIT, &it)).transpose());
    match of_init {
        Ok(Some(table)) => Observed::Known(table),
        Ok(None) => of_this_process(host),
        Err(error) => match of_this_process(host) {
            Observed::Known(table) => Observed::Known(table),
            Observed::Unknown(_) => Observed::Unknown(error.into()),
        },
    }
}

fn of_this_process(host: &Host) -> Observed<Vec<Mount>> {
    host.ask_observed("own_mounts", || live(host).into())
}

fn live(host: &Host) -> Result<Vec<Mount>, Failure> {
    let root = host.root_path()?;
    let bytes = std::fs::read(OF_THIS_PROCESS).map_err(|error| {
        Failure::new(cause_of_io(&error), format!("cannot read {OF_THIS_PROCESS}: {error}"))
    })?;
    let table =
        mountinfo::parse(OF_THIS_PROCESS, &bytes).map_err(|it: SourceError| Failure::from(it))?;
    let table = mountinfo::rebase(table, &root);
    if table.is_empty() {
        let detail = format!("nothing is mounted at or below {root}: it is not the root of a host");
        return Err(Failure::new(Cause::Prerequisite, detail));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn this_machine_has_a_root_mount() {
        let table = mounts(&Host::live().unwrap());
        assert!(table.known().unwrap().iter().any(|it| it.mount_point == "/"));
    }

    #[test]
    fn a_plain_directory_is_not_a_host_without_mounts() {
        let (_dir, host) = host(|_| {});
        assert_eq!(mounts(&host).failure().map(|it| it.cause), Some(Cause::Prerequisite));
    }

    #[test]
    fn the_first_process_of_the_host_is_asked_first() {
        let (_dir, host) = host(|root| {
            std::fs::create_dir_all(root.join("proc/1")).unwrap();
            let table = "27 1 254:0 / / rw - ext4 /dev/vda rw\n";
            std::fs::write(root.join("proc/1/mountinfo"), table).unwrap();
        });
        assert_eq!(mounts(&host).known().map(Vec::len), Some(1));
    }
}
