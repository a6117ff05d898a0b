//! The bpffs mounts, and what really is at `/sys/fs/bpf`.

use std::collections::BTreeMap;

use super::mountinfo::{Mount, is_visible};
use crate::facts::mounts::{BPF_FS_MAGIC, BpffsMount};
use crate::facts::{Cause, Observed};
use crate::observe::Host;
use crate::observe::host::At;

/// Where Cilium, libbpf and bpftool expect it; the directory is the kernel's own
/// (`kernel/bpf/inode.c`).
const SYS_FS_BPF: &str = "/sys/fs/bpf";

/// Its parent, which every sysfs has.
const SYS_FS: &str = "/sys/fs";

/// A mount that is hidden is not looked at; of more visible ones than this the rest stays unknown.
const MOST: usize = 256;

/// What was found at each path of interest.
type Seen = BTreeMap<String, Observed<Option<At>>>;

/// What `/sys/fs/bpf` is, and every bpffs of the table with its owner.
pub(super) fn bpffs(
    host: &Host,
    table: &Observed<Vec<Mount>>,
) -> (Observed<Option<u64>>, Observed<Vec<BpffsMount>>) {
    let visible = table.known().map(|it| visible_bpffs(it)).unwrap_or_default();
    let paths = [SYS_FS, SYS_FS_BPF].into_iter().chain(visible.values().copied());
    let seen: Seen = host.ask(
        "bpffs",
        || paths.map(|path| (path.to_owned(), host.at(path).into())).collect(),
        |failure| [(SYS_FS_BPF.to_owned(), Observed::Unknown(failure))].into(),
    );
    let mounts = table.as_ref().map(|table| {
        let bpffs = table.iter().filter(|it| it.fs_type == "bpf");
        bpffs.map(|it| mount(it, &visible, &seen)).collect()
    });
    (magic(&seen), mounts)
}

fn visible_bpffs(table: &[Mount]) -> BTreeMap<u64, &str> {
    let bpffs = table.iter().filter(|it| it.fs_type == "bpf");
    bpffs
        .filter(|it| is_visible(it, table))
        .map(|it| (it.id, it.mount_point.as_str()))
        .take(MOST)
        .collect()
}

fn magic(seen: &Seen) -> Observed<Option<u64>> {
    let nothing = || Observed::unknown(Cause::Prerequisite, "no sysfs is mounted at /sys");
    match (seen.get(SYS_FS_BPF), seen.get(SYS_FS)) {
        (Some(Observed::Known(None)), Some(Observed::Known(None))) => nothing(),
        (Some(at), _) => at.clone().map(|it| it.map(|it| it.magic)),
        (None, _) => nothing(),
    }
}

fn mount(mount: &Mount, visible: &BTreeMap<u64, &str>, seen: &Seen) -> BpffsMount {
    let owner = match seen.get(&mount.mount_point) {
        _ if !visible.contains_key(&mount.id) => Observed::Known(None),
        Some(Observed::Known(Some(at))) if at.magic == BPF_FS_MAGIC => {
            Observed::Known(Some(at.owner))
        }
        Some(Observed::Known(_)) => Observed::unknown(
            Cause::Inconclusive,
            format!("{}: this process sees no bpffs there, the host does", mount.mount_point),
        ),
        Some(Observed::Unknown(failure)) => Observed::Unknown(failure.clone()),
        None => Observed::unknown(Cause::NotRecorded, mount.mount_point.clone()),
    };
    BpffsMount { path: mount.mount_point.clone(), options: mount.super_options.clone(), owner }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::mounts::Owner;

    const ROOT: Owner = Owner { uid: 0, gid: 0, mode: 0o1777 };

    fn bpf(id: u64, parent: u64, options: &[&str]) -> Mount {
        Mount {
            id,
            parent,
            mount_point: SYS_FS_BPF.into(),
            fs_type: "bpf".into(),
            super_options: options.iter().map(|&it| it.into()).collect(),
        }
    }

    fn seen(bpf: Observed<Option<At>>, fs: Observed<Option<At>>) -> Seen {
        [(SYS_FS_BPF.to_owned(), bpf), (SYS_FS.to_owned(), fs)].into()
    }

    const SYSFS: At = At { magic: 0x6265_6572, owner: ROOT };

    #[test]
    fn stacked_mounts_are_both_told_and_the_upper_one_has_the_owner() {
        let table = [bpf(42, 23, &["rw", "mode=700"]), bpf(50, 42, &["rw", "delegate_cmds=any"])];
        let visible = visible_bpffs(&table);
        let at = At { magic: BPF_FS_MAGIC, owner: ROOT };
        let seen = seen(Observed::Known(Some(at)), Observed::Known(Some(SYSFS)));
        let lower = mount(&table[0], &visible, &seen);
        let upper = mount(&table[1], &visible, &seen);
        assert_eq!(lower.owner, Observed::Known(None));
        assert_eq!(upper.owner, Observed::Known(Some(ROOT)));
        assert_eq!(upper.options, ["rw", "delegate_cmds=any"]);
        assert_eq!(magic(&seen), Observed::Known(Some(BPF_FS_MAGIC)));
    }

    #[test]
    fn a_mount_of_another_namespace_has_an_unknown_owner() {
        let table = [bpf(42, 23, &["rw"])];
        let seen = seen(Observed::Known(Some(SYSFS)), Observed::Known(Some(SYSFS)));
        let owner = mount(&table[0], &visible_bpffs(&table), &seen).owner;
        assert_eq!(owner.failure().map(|it| it.cause), Some(Cause::Inconclusive));
    }

    #[test]
    fn a_sysfs_without_the_directory_is_an_absence_and_no_sysfs_is_none() {
        let without = seen(Observed::Known(None), Observed::Known(Some(SYSFS)));
        assert_eq!(magic(&without), Observed::Known(None));
        let unmounted = seen(Observed::Known(None), Observed::Known(None));
        assert_eq!(magic(&unmounted).failure().map(|it| it.cause), Some(Cause::Prerequisite));
    }

    #[test]
    fn this_machine_has_a_file_system_at_sys_fs_bpf() {
        let (magic, _) = bpffs(&Host::live().unwrap(), &Observed::Known(Vec::new()));
        let stat = rustix::fs::statfs(SYS_FS_BPF).map(|it| it.f_type as u64).ok();
        assert_eq!(magic, Observed::Known(stat));
    }
}
