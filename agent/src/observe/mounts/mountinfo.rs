//! The mount table in the format of proc_pid_mountinfo(5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observe::{SourceError, host};

/// One line of a mount table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Unique id of the mount.
    pub id: u64,
    /// Id of the mount that it lies on.
    pub parent: u64,
    /// Where it is mounted, as the owner of the table sees it.
    pub mount_point: String,
    /// File system type, such as `bpf`.
    pub fs_type: String,
    /// Options of the file system, not those of this mount.
    pub super_options: Vec<String>,
}

/// Most mounts of one table; the kernel's own limit is the sysctl `fs.mount-max`, 100000.
const MOST: usize = 100_000;

/// Parses a mount table. `path` is for the error messages.
///
/// The `procfs` crate would do most of it; it takes text only, knows no `\040`, and turns the
/// options into a map, which loses their order.
///
/// # Errors
///
/// [`SourceError::Malformed`] for an empty table or a line that is no mount, and
/// [`SourceError::TooLarge`].
pub fn parse(path: &str, bytes: &[u8]) -> Result<Vec<Mount>, SourceError> {
    let text = String::from_utf8_lossy(bytes);
    if text.lines().nth(MOST).is_some() {
        return Err(SourceError::TooLarge { path: path.into(), limit: MOST as u64 });
    }
    let malformed = |found: &str| SourceError::Malformed {
        path: path.into(),
        expected: "ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS",
        found: host::shorten(found),
    };
    if !text.ends_with('\n') {
        return Err(malformed(text.lines().last().unwrap_or_default()));
    }
    text.lines().map(|line| mount(line).ok_or_else(|| malformed(line))).collect()
}

fn mount(line: &str) -> Option<Mount> {
    // A source may be empty, so every single space counts.
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let mut right = right.split(' ');
    let mount = Mount {
        id: left.next()?.parse().ok()?,
        parent: left.next()?.parse().ok()?,
        mount_point: unescape(left.nth(2).filter(|it| it.starts_with('/'))?),
        fs_type: unescape(right.next().filter(|it| !it.is_empty())?),
        super_options: right.nth(1)?.split(',').map(unescape).collect(),
    };
    left.next().map(|_mount_options| mount)
}

/// Undoes the kernel's `mangle`: space, tab, newline, backslash and `#` as `\040` and so on.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[4..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a mount can be reached by its path: nothing is mounted over it, nor over a directory on
/// the way to it.
pub(super) fn is_visible(mount: &Mount, table: &[Mount]) -> bool {
    let by_id: BTreeMap<u64, &Mount> = table.iter().map(|it| (it.id, it)).collect();
    // The first mount of a namespace may be its own parent.
    let stacked = |it: &Mount| {
        it.parent == mount.id && it.id != mount.id && it.mount_point == mount.mount_point
    };
    if table.iter().any(stacked) {
        return false;
    }
    let mut current = Some(mount);
    // The bound keeps a table whose parents form a ring from holding the look up.
    for _ in 0..table.len() {
        let Some(it) = current else { break };
        let covers = |other: &Mount| {
            other.parent == it.parent
                && other.id != it.parent
                && is_below(&it.mount_point, &other.mount_point)
        };
        if table.iter().any(covers) {
            return false;
        }
        current = by_id.get(&it.parent).copied().filter(|parent| parent.id != it.id);
    }
    true
}

/// Whether `path` lies under the directory `parent`; not itself.
fn is_below(path: &str, parent: &str) -> bool {
    let inside = path.strip_prefix(parent.trim_end_matches('/'));
    inside.is_some_and(|it| it.len() > 1 && it.starts_with('/'))
}

/// The table as seen from a root that lies at `root` in it: other mounts fall away.
pub(super) fn rebase(table: Vec<Mount>, root: &str) -> Vec<Mount> {
    let root = root.trim_end_matches('/');
    let inside = |mut mount: Mount| {
        let rest = mount.mount_point.strip_prefix(root)?;
        match rest {
            "" => mount.mount_point = "/".into(),
            _ if rest.starts_with('/') => mount.mount_point = rest.to_owned(),
            _ => return None,
        }
        Some(mount)
    };
    table.into_iter().filter_map(inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Build machine, Linux 6.18; a line for each oddity that the man page or the kernel allows.
    const TABLE: &str = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
        23 27 0:22 / /sys rw,relatime shared:7 - sysfs sysfs rw\n\
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        42 23 0:39 / /sys/fs/bpf rw shared:1 master:2 - bpf bpf rw,mode=700,delegate_cmds=any\n\
        43 27 0:40 / /mnt/a\\040b\\011c\\134d rw -  rw\n";

    fn parsed() -> Vec<Mount> {
        let table = TABLE.replace(" -  rw", " - tmpfs  rw");
        parse("/proc/1/mountinfo", table.as_bytes()).unwrap()
    }

    fn mount(id: u64, parent: u64, mount_point: &str) -> Mount {
        let fs_type = "bpf".into();
        Mount { id, parent, mount_point: mount_point.into(), fs_type, super_options: Vec::new() }
    }

    fn visible(table: &[Mount]) -> Vec<u64> {
        table.iter().filter(|it| is_visible(it, table)).map(|it| it.id).collect()
    }

    #[test]
    fn optional_fields_escapes_and_empty_sources_are_read() {
        let table = parsed();
        let bpffs = &table[4];
        assert_eq!((bpffs.id, bpffs.parent, bpffs.fs_type.as_str()), (42, 23, "bpf"));
        assert_eq!(bpffs.mount_point, "/sys/fs/bpf");
        assert_eq!(bpffs.super_options, ["rw", "mode=700", "delegate_cmds=any"]);
        assert_eq!(table[5].mount_point, "/mnt/a b\tc\\d");
        assert_eq!(table[5].super_options, ["rw"]);
    }

    #[test]
    fn empty_cut_and_strange_tables_are_malformed() {
        let cut = &TABLE[..TABLE.len() / 2];
        for text in ["", "\n", cut, TABLE, "a b c\n", "1 2 0:1 / relative rw - bpf bpf rw\n"] {
            assert!(parse("/proc/1/mountinfo", text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse("/x", &[0xff, 0x00, b'\n']).is_err());
    }

    #[test]
    fn a_mount_point_that_is_not_utf_8_costs_that_name_only() {
        let line = b"43 27 0:40 / /mnt/\xff\\377 rw - tmpfs tmpfs rw\n";
        assert_eq!(parse("/x", line).unwrap()[0].mount_point, "/mnt/\u{fffd}\u{fffd}");
    }

    #[test]
    fn more_mounts_than_a_kernel_allows_are_too_many() {
        let table = "1 0 0:1 / / rw - bpf bpf rw\n".repeat(MOST + 1);
        assert!(matches!(parse("/x", table.as_bytes()), Err(SourceError::TooLarge { .. })));
    }

    #[test]
    fn of_two_stacked_mounts_the_upper_one_is_visible() {
        let table = [mount(27, 1, "/"), mount(42, 27, "/sys/fs/bpf"), mount(50, 42, "/sys/fs/bpf")];
        assert_eq!(visible(&table), [27, 50]);
    }

    #[test]
    fn a_mount_over_a_parent_directory_hides_what_lies_below() {
        let below = [mount(27, 1, "/"), mount(42, 27, "/sys/fs/bpf"), mount(50, 27, "/sys")];
        assert_eq!(visible(&below), [27, 50]);
        let above = [mount(27, 1, "/"), mount(50, 27, "/sys"), mount(42, 50, "/sys/fs/bpf")];
        assert_eq!(visible(&above), [27, 50, 42]);
        let deep = [
            mount(27, 1, "/"),
            mount(50, 27, "/sys"),
            mount(42, 50, "/sys/fs/bpf"),
            mount(60, 50, "/sys"),
        ];
        assert_eq!(visible(&deep), [27, 60]);
    }

    /// Linux 6.1 in an initramfs: the first mount is its own parent, and covers nothing.
    #[test]
    fn an_initramfs_does_not_hide_what_is_mounted_in_it() {
        let table = [mount(1, 1, "/"), mount(22, 1, "/sys"), mount(24, 22, "/sys/fs/bpf")];
        assert_eq!(visible(&table), [1, 22, 24]);
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let table = [mount(1, 2, "/a"), mount(2, 1, "/b"), mount(3, 3, "/c")];
        assert_eq!(visible(&table), [1, 2, 3]);
    }

    #[test]
    fn a_root_of_its_own_sees_only_what_is_below_it() {
        let table = vec![
            mount(1, 0, "/"),
            mount(2, 1, "/host"),
            mount(3, 2, "/host/sys"),
            mount(4, 1, "/hostile"),
        ];
        let paths: Vec<_> = rebase(table, "/host").into_iter().map(|it| it.mount_point).collect();
        assert_eq!(paths, ["/", "/sys"]);
        let paths: Vec<_> = rebase(parsed(), "/").into_iter().map(|it| it.mount_point).collect();
        assert_eq!(paths.len(), 6);
        assert_eq!(paths[0], "/");
    }
}
