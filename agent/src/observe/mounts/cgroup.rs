//! How cgroups are mounted, see cgroups(7).

use super::mountinfo::Mount;
use crate::facts::mounts::CgroupMode;

/// The layout that a mount table shows. A v1 hierarchy without a controller (`name=systemd`) does
/// not make a host one of v1.
pub(super) fn mode(table: &[Mount]) -> CgroupMode {
    let mounted = |fs_type: &str| table.iter().any(|it| it.fs_type == fs_type);
    let v1_controllers = table.iter().any(|it| it.fs_type == "cgroup" && has_controller(it));
    match (mounted("cgroup"), v1_controllers, mounted("cgroup2")) {
        (_, true, true) => CgroupMode::Hybrid,
        (_, false, true) => CgroupMode::V2,
        (true, _, false) => CgroupMode::V1,
        (false, _, false) => CgroupMode::None,
    }
}

/// Where the unified hierarchy is mounted, in mount order.
pub(super) fn cgroup2(table: &[Mount]) -> Vec<String> {
    let unified = table.iter().filter(|it| it.fs_type == "cgroup2");
    unified.map(|it| it.mount_point.clone()).collect()
}

/// Whether the v1 controller `net_cls` is mounted.
pub(super) fn net_cls(table: &[Mount]) -> bool {
    let net_cls = |it: &Mount| it.super_options.iter().any(|it| it == "net_cls");
    table.iter().any(|it| it.fs_type == "cgroup" && net_cls(it))
}

/// Super options that are no controller: `cgroup1_show_options` of `kernel/cgroup/cgroup-v1.c`.
fn has_controller(mount: &Mount) -> bool {
    const SWITCHES: [&str; 7] =
        ["rw", "ro", "noprefix", "xattr", "cpuset_v2_mode", "favordynmods", "clone_children"];
    mount
        .super_options
        .iter()
        .any(|it| !SWITCHES.contains(&it.as_str()) && !it.contains('=') && !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cgroup(fs_type: &str, path: &str, options: &str) -> Mount {
        Mount {
            id: 1,
            parent: 0,
            mount_point: path.into(),
            fs_type: fs_type.into(),
            super_options: options.split(',').map(str::to_owned).collect(),
        }
    }

    #[test]
    fn systemds_unified_host_is_v2() {
        let table = [cgroup("cgroup2", "/sys/fs/cgroup", "rw,nsdelegate,memory_recursiveprot")];
        assert_eq!(mode(&table), CgroupMode::V2);
        assert_eq!(cgroup2(&table), ["/sys/fs/cgroup"]);
        assert!(!net_cls(&table));
    }

    #[test]
    fn a_named_hierarchy_beside_v2_does_not_make_it_hybrid() {
        let named = cgroup("cgroup", "/sys/fs/cgroup/systemd", "rw,xattr,name=systemd");
        let unified = cgroup("cgroup2", "/sys/fs/cgroup", "rw");
        assert_eq!(mode(&[named.clone(), unified]), CgroupMode::V2);
        assert_eq!(mode(&[named]), CgroupMode::V1);
    }

    #[test]
    fn v1_controllers_and_a_v2_tree_are_hybrid() {
        let net = cgroup("cgroup", "/sys/fs/cgroup/net_cls,net_prio", "rw,net_cls,net_prio");
        let unified = cgroup("cgroup2", "/sys/fs/cgroup/unified", "rw");
        assert_eq!(mode(&[net.clone(), unified]), CgroupMode::Hybrid);
        assert_eq!(mode(std::slice::from_ref(&net)), CgroupMode::V1);
        assert!(net_cls(&[net]));
    }

    #[test]
    fn no_mount_is_no_mode() {
        assert_eq!(mode(&[cgroup("tmpfs", "/sys/fs/cgroup", "rw")]), CgroupMode::None);
    }
}
