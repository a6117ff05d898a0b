//! Where distributions keep what the runtime reads: `facts/cni-fingerprints.md` § 1.4.

use crate::facts::cni::{Distribution, RuntimeKind};

/// One way to ship a container runtime.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) distribution: Distribution,
    pub(super) kind: RuntimeKind,
    /// The runtime's configuration file.
    pub(super) config: &'static str,
    /// Folder and name of its socket.
    pub(super) socket: (&'static str, &'static str),
    /// What it uses where its configuration cannot be read.
    pub(super) conf_dir: &'static str,
    pub(super) bin_dirs: &'static [&'static str],
}

pub(super) const CONTAINERD: Place = Place {
    distribution: Distribution::Plain,
    kind: RuntimeKind::Containerd,
    config: "/etc/containerd/config.toml",
    socket: ("/run/containerd", "containerd.sock"),
    conf_dir: "/etc/cni/net.d",
    bin_dirs: &["/opt/cni/bin"],
};

/// The distributions' own ways first: on k3s there may be another containerd besides.
pub(super) const PLACES: &[Place] = &[
    Place {
        distribution: Distribution::K3s,
        kind: RuntimeKind::Containerd,
        config: "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
        socket: ("/run/k3s/containerd", "containerd.sock"),
        conf_dir: "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        bin_dirs: &["/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/data/current/bin"],
    },
    // RKE2 is built on k3s and takes its socket; the usual directories for CNI.
    Place {
        distribution: Distribution::Rke2,
        kind: RuntimeKind::Containerd,
        config: "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
        socket: ("/run/k3s/containerd", "containerd.sock"),
        conf_dir: "/etc/cni/net.d",
        bin_dirs: &["/opt/cni/bin"],
    },
    Place {
        distribution: Distribution::Microk8s,
        kind: RuntimeKind::Containerd,
        config: "/var/snap/microk8s/current/args/containerd.toml",
        socket: ("/var/snap/microk8s/common/run", "containerd.sock"),
        conf_dir: "/var/snap/microk8s/current/args/cni-network",
        bin_dirs: &["/var/snap/microk8s/current/opt/cni/bin"],
    },
    CONTAINERD,
    Place {
        distribution: Distribution::Plain,
        kind: RuntimeKind::CriO,
        config: "/etc/crio/crio.conf",
        socket: ("/run/crio", "crio.sock"),
        conf_dir: "/etc/cni/net.d",
        bin_dirs: &["/opt/cni/bin"],
    },
    Place {
        distribution: Distribution::Plain,
        kind: RuntimeKind::CriDockerd,
        config: "/etc/systemd/system/cri-docker.service",
        socket: ("/run", "cri-dockerd.sock"),
        conf_dir: "/etc/cni/net.d",
        bin_dirs: &["/opt/cni/bin"],
    },
];

/// Every directory that some distribution or tool keeps CNI configuration in.
pub(super) const CONF_DIRS: &[&str] = &[
    "/etc/cni/net.d",
    "/var/lib/rancher/k3s/agent/etc/cni/net.d",
    "/var/snap/microk8s/current/args/cni-network",
    "/run/multus/cni/net.d",
    "/etc/cni/multus/net.d",
];

/// The extensions that runtimes read; the last one of a name counts (libcni's `ConfFiles`).
pub(super) fn is_configuration(name: &str) -> bool {
    extension(name).is_some_and(|it| ["conf", "conflist", "json"].contains(&it))
}

/// Go's `filepath.Ext` without its dot: what follows the last dot, also that of a hidden file.
pub(super) fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_extension_counts() {
        for name in ["10-aws.conflist", "05-cilium.conf", "x.json", ".conf"] {
            assert!(is_configuration(name), "{name}");
        }
        for name in
            ["10-aws.conflist.cilium_bak", "x.conf.bak", "calico-kubeconfig", "cni.yaml", "x.CONF"]
        {
            assert!(!is_configuration(name), "{name}");
        }
    }
}
