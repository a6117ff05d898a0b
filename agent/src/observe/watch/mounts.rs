//! The mount table: poll(2) on it tells that it changed (proc_pid_mounts(5)).

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use super::Trigger;
use crate::facts::Failure;
use crate::observe::SourceError;
use crate::observe::host::cause_of_io;
use crate::observe::mounts::mountinfo::{self, Mount};

/// Of this thread, which has the mounts of the one that started it.
const PATH: &str = "/proc/thread-self/mountinfo";

/// File systems that a verdict rests on. Others come and go with every pod.
const FILE_SYSTEMS: &[&str] = &["bpf", "cgroup", "cgroup2"];

/// The mount table of this mount namespace.
#[derive(Debug)]
pub(super) struct Mounts {
    table: File,
    seen: Vec<Mount>,
}

impl Mounts {
    pub(super) fn open() -> Result<Self, Failure> {
        // Opened before it is read, so that what comes between is told.
        let table = File::open(PATH).map_err(|it| cannot_read(&it))?;
        Ok(Self { table, seen: read()? })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.table.as_fd()
    }

    pub(super) fn drain(&mut self, triggers: &mut BTreeSet<Trigger>) -> Result<(), Failure> {
        let now = read()?;
        if now != self.seen {
            self.seen = now;
            triggers.insert(Trigger::Mounts);
        }
        Ok(())
    }
}

fn read() -> Result<Vec<Mount>, Failure> {
    let bytes = std::fs::read(PATH).map_err(|it| cannot_read(&it))?;
    let table = mountinfo::parse(PATH, &bytes).map_err(|it: SourceError| Failure::from(it))?;
    let counts = |it: &Mount| FILE_SYSTEMS.contains(&it.fs_type.as_str());
    Ok(table.into_iter().filter(counts).collect())
}

fn cannot_read(error: &std::io::Error) -> Failure {
    Failure::new(cause_of_io(error), format!("cannot read {PATH}: {error}"))
}
