//! Which runtime the kubelet is told to use.

use serde::Deserialize;

use crate::facts::cni::{RuntimeKind, RuntimeSign};
use crate::observe::Host;

/// `KubeletConfiguration` as YAML or JSON: kubeadm and GKE, EKS AL2023, EKS AL2, Bottlerocket.
const CONFIGURATIONS: &[&str] = &[
    "/var/lib/kubelet/config.yaml",
    "/etc/kubernetes/kubelet/config.json",
    "/etc/kubernetes/kubelet/kubelet-config.json",
    "/etc/kubernetes/kubelet/config",
];

/// Command lines: kubeadm's, Bottlerocket's.
const COMMAND_LINES: &[&str] =
    &["/var/lib/kubelet/kubeadm-flags.env", "/etc/kubernetes/kubelet/env"];

const FLAG: &str = "--container-runtime-endpoint=";

/// The one field that is asked for.
#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "containerRuntimeEndpoint")]
    endpoint: Option<String>,
}

/// The endpoint, if any file names one. A file that cannot be read names none: the sockets tell.
pub(super) fn endpoint(host: &Host) -> Option<RuntimeSign> {
    let found = |file: &str, endpoint: String| {
        Some(RuntimeSign::KubeletEndpoint { file: file.to_owned(), endpoint })
    };
    // A flag overrides the configuration.
    for file in COMMAND_LINES {
        let text = host.read(file).ok().flatten().unwrap_or_default();
        if let Some((_, rest)) = text.split_once(FLAG) {
            let end = |it: char| it.is_whitespace() || it == '"';
            return found(file, rest.split(end).next().unwrap_or_default().to_owned());
        }
    }
    CONFIGURATIONS.iter().find_map(|file| {
        let text = host.read(file).ok().flatten()?;
        // Every line of YAML is looked at only where the key can be.
        if !text.contains("containerRuntimeEndpoint") {
            return None;
        }
        let configuration: Configuration = serde_saphyr::from_str(&text).ok()?;
        found(file, configuration.endpoint.filter(|it| !it.is_empty())?)
    })
}

/// The runtime behind an endpoint, by the names that all distributions give its socket.
pub(super) fn kind(endpoint: &str) -> Option<RuntimeKind> {
    [
        ("cri-dockerd", RuntimeKind::CriDockerd),
        ("crio", RuntimeKind::CriO),
        ("containerd", RuntimeKind::Containerd),
    ]
    .into_iter()
    .find_map(|(name, kind)| endpoint.contains(name).then_some(kind))
}
