//! Each path of the host that a look at a node reads is mounted in the agent's pod, one by one and
//! read-only, or left out on purpose and said so in docs/privileges.md.

use serde_json::Value;

use super::documents::{kustomized, named};
use crate::run::bpfready;

/// What no overlay mounts. There it is unknown in a pod, and the page says why.
const LEFT_OUT: [&str; 22] = [
    "/etc/cni/multus",
    "/etc/containerd",
    "/etc/crio",
    "/etc/kubernetes/kubelet",
    "/etc/sysctl.d",
    "/etc/udev",
    "/run/antrea",
    "/run/calico",
    "/run/containerd",
    "/run/crio",
    "/run/istio-cni",
    "/run/k3s",
    "/run/multus",
    "/run/openvswitch",
    "/run/ovn-kubernetes",
    "/run/systemd/network",
    "/run/systemd/networkd.conf",
    "/run/systemd/networkd.conf.d",
    "/usr/local/lib/systemd",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/snap/microk8s",
];

fn agent(overlay: &str) -> Value {
    let documents = kustomized(&format!("overlays/{overlay}"));
    named(&documents, "DaemonSet", "bpfready-agent")["spec"]["template"]["spec"].clone()
}

/// Where the host's paths are in the pod, each with the path on the host.
fn mounts(pod: &Value) -> Vec<(String, String)> {
    let volumes = pod["volumes"].as_array().unwrap();
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let of_host = mounts.iter().filter_map(|mount| {
        let volume = volumes.iter().find(|it| it["name"] == mount["name"]).unwrap();
        let host = volume["hostPath"]["path"].as_str()?;
        let inside = mount["mountPath"].as_str().unwrap();
        assert_eq!(mount["readOnly"], true, "{host} can be written");
        Some((inside.strip_prefix("/host").unwrap().to_owned(), host.to_owned()))
    });
    of_host.collect()
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

/// Every path that a look at this machine reads, lists, resolves or connects to, there or not.
fn asked() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("recording");
    let run = bpfready(&["record", target.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(target.join(name)).unwrap()).unwrap()
    };
    let keys = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let files = read("paths.json");
    let mut paths: Vec<String> = files.as_object().unwrap().values().flat_map(keys).collect();
    paths.extend(keys(&read("kernel/agent_sockets.json")));
    assert!(paths.len() > 30, "{paths:?}");
    paths
}

#[test]
fn every_path_that_is_read_is_mounted_or_left_out_on_purpose() {
    let page = std::fs::read_to_string(bpfready_tests::root().join("docs/privileges.md")).unwrap();
    for path in LEFT_OUT {
        assert!(page.contains(&format!("`{path}`")), "docs/privileges.md does not say why {path}");
    }
    // The same folders by another name, and the folder that is only listed to see which are in it.
    let otherwise = ["/usr/lib/modules", "/run"];
    let mounted = mounts(&agent("eks"));
    let is_there = |path: &str| mounted.iter().any(|it| is_below(path, &it.0));
    let is_left_out = |path: &str| LEFT_OUT.iter().any(|it| is_below(path, it));
    for path in asked() {
        let known = is_there(&path) || is_left_out(&path) || otherwise.contains(&path.as_str());
        let same = is_below(&path, otherwise[0]);
        assert!(known || same, "{path} is read, and neither mounted nor left out on purpose");
    }
}

#[test]
fn host_paths_are_where_they_are_on_the_host_and_one_by_one() {
    for overlay in super::documents::OVERLAYS {
        for (inside, host) in mounts(&agent(overlay)) {
            assert_eq!(inside, host, "{overlay}");
            let whole = ["/", "/etc", "/run", "/usr", "/var", "/opt", "/lib"];
            assert!(!whole.contains(&host.as_str()), "{overlay}: all of {host}");
        }
    }
}

/// A socket on a read-only mount still takes requests, and these would give the node away.
#[test]
fn nobody_who_has_the_agent_has_the_runtime_or_systemd() {
    const SOCKETS: [&str; 7] = [
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/docker.sock",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
        "/run/k3s/containerd/containerd.sock",
        "/var/lib/kubelet/device-plugins/kubelet.sock",
    ];
    for overlay in super::documents::OVERLAYS {
        for (_, host) in mounts(&agent(overlay)) {
            assert!(!SOCKETS.iter().any(|it| is_below(it, &host)), "{overlay}: {host}");
        }
    }
}
