//! bpffs and cgroup mounts.

mod bpffs;
mod cgroup;
pub mod mountinfo;
pub(super) mod table;

use super::{Host, Looks};
use crate::facts::Observed;
use crate::facts::mounts::MountFacts;

/// Reads the host's mount table and what is at `/sys/fs/bpf`.
pub fn mounts(host: &Host, looks: &mut Looks) -> MountFacts {
    let table = looks.observed("mounts", || table::mounts(host));
    let (sys_fs_bpf_magic, bpffs) = looks.many(
        "bpffs",
        || bpffs::bpffs(host, &table),
        |failure| (Observed::Unknown(failure.clone()), Observed::Unknown(failure)),
    );
    MountFacts {
        bpffs,
        sys_fs_bpf_magic,
        cgroup: table.as_ref().map(|it| cgroup::mode(it)),
        cgroup2: table.as_ref().map(|it| cgroup::cgroup2(it)),
        net_cls: table.as_ref().map(|it| cgroup::net_cls(it)),
    }
}
