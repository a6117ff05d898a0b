//! bpffs and cgroup mounts.

use super::{Host, Looks};
use crate::facts::mounts::MountFacts;
use crate::facts::{Cause, Observed};

/// Reads the host's mount table and what is at `/sys/fs/bpf`.
pub fn mounts(_host: &Host, _looks: &mut Looks) -> MountFacts {
    MountFacts {
        bpffs: Observed::unknown(Cause::NotSupported, "being written"),
        sys_fs_bpf_magic: Observed::unknown(Cause::NotSupported, "being written"),
        cgroup: Observed::unknown(Cause::NotSupported, "being written"),
        cgroup2: Observed::unknown(Cause::NotSupported, "being written"),
        net_cls: Observed::unknown(Cause::NotSupported, "being written"),
    }
}
