//! Which directories are watched.

use super::Trigger;
use crate::observe::Host;
use crate::observe::mounts::mountinfo::Mount;

/// A directory that is watched, or will be when it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Absolute path on the host.
    pub(super) path: String,
    /// What a change in it may mean.
    pub(super) trigger: Trigger,
    /// How many levels of directories below it are watched too.
    pub(super) depth: u32,
    /// Which names in it count.
    pub(super) names: Names,
}

/// Which names in a directory count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// All.
    All,
    /// Those with one of these endings; other files in the directory change all the time.
    Ending(&'static [&'static str]),
}

impl Names {
    pub(super) fn counts(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Ending(endings) => endings.iter().any(|it| name.ends_with(it)),
        }
    }
}

/// CNI configuration, by distribution (`facts/cni-fingerprints.md` § 1.4), and where runtimes keep
/// the settings that name another place.
const CNI: &[&str] = &[
    "/etc/cni/net.d",
    "/var/lib/rancher/k3s/agent/etc/cni/net.d",
    "/var/snap/microk8s/current/args/cni-network",
    "/run/multus/cni/net.d",
    "/etc/containerd",
    "/etc/crio/crio.conf.d",
    "/opt/cni/bin",
];

const SOCKETS: Names = Names::Ending(&[".sock", ".pid", ".env"]);

/// Where agents put their sockets (`/var/run` is `/run`).
const AGENTS: &[&str] = &[
    "/run/cilium",
    "/run/aws-node",
    "/run/calico",
    "/run/containerd",
    "/run/crio",
    "/run/flannel",
    "/run/openvswitch",
    "/run/antrea",
];

const BPFFS: &str = "/sys/fs/bpf";

/// Cilium's pins of endpoints lie four levels deep: `cilium/endpoints/7/links/cil_from_container`.
const PIN_DEPTH: u32 = 4;

/// All targets: the known places, those that the runtime was told to use, and every bpffs of this
/// mount table.
pub(super) fn targets(in_effect: &[String], table: &[Mount]) -> Vec<Target> {
    let target = |path: &str, trigger, depth, names| Target {
        path: path.trim_end_matches('/').to_owned(),
        trigger,
        depth,
        names,
    };
    let mut all: Vec<Target> =
        CNI.iter().map(|it| target(it, Trigger::Cni, 0, Names::All)).collect();
    all.extend(in_effect.iter().map(|it| target(it, Trigger::Cni, 0, Names::All)));
    all.extend(AGENTS.iter().map(|it| target(it, Trigger::Sockets, 0, SOCKETS)));
    let mounted = table.iter().filter(|it| it.fs_type == "bpf").map(|it| it.mount_point.as_str());
    for path in [BPFFS].into_iter().chain(mounted) {
        all.push(target(path, Trigger::Pins, PIN_DEPTH, Names::All));
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all.dedup_by(|a, b| a.path == b.path);
    all
}

/// Whether there is a directory at this path of the host.
pub(super) fn is_there(host: &Host, path: &str) -> bool {
    matches!(host.handle(path), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bpffs_is_watched_once_and_deep() {
        let mount = |path: &str| Mount {
            id: 1,
            parent: 0,
            mount_point: path.into(),
            fs_type: "bpf".into(),
            super_options: Vec::new(),
        };
        let table = [mount("/sys/fs/bpf"), mount("/run/bpf")];
        let all = targets(&["/etc/cni/net.d/".into()], &table);
        let pins: Vec<_> = all.iter().filter(|it| it.trigger == Trigger::Pins).collect();
        let paths: Vec<_> = pins.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["/run/bpf", "/sys/fs/bpf"]);
        assert_eq!(all.iter().filter(|it| it.path == "/etc/cni/net.d").count(), 1);
    }

    #[test]
    fn of_an_agents_folder_only_its_signs_of_life_count() {
        assert!(SOCKETS.counts("cilium.sock"));
        assert!(SOCKETS.counts("subnet.env"));
        assert!(!SOCKETS.counts("ipam.json"));
    }
}
