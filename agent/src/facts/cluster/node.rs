//! A Node.

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Taint, condition};
use super::meta::Meta;
use super::text::{Interner, Text, Trim, null_is_default};

/// A Node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Name, labels, annotations.
    pub metadata: Meta,
    /// What was asked of it.
    pub spec: NodeSpec,
    /// What it says of itself.
    pub status: NodeStatus,
}

/// `spec` of a Node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSpec {
    /// The cloud's name of the machine; empty in the first seconds of a node's life.
    #[serde(rename = "providerID")]
    pub provider_id: Text,
    /// Taints.
    #[serde(deserialize_with = "null_is_default")]
    pub taints: Vec<Taint>,
    /// Cordoned.
    pub unschedulable: bool,
}

/// `status` of a Node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// Conditions.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Vec<Condition>,
    /// Addresses.
    #[serde(deserialize_with = "null_is_default")]
    pub addresses: Vec<Address>,
    /// What kubelet says about the machine.
    pub node_info: NodeInfo,
}

/// One address of a Node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// `InternalIP`, `Hostname`, …
    #[serde(rename = "type")]
    pub kind: Text,
    /// The address.
    pub address: Text,
}

/// What kubelet says about the machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// `uname -r`; a copy of kubectl's table may have ` (amd64)` behind it.
    pub kernel_version: Text,
    /// `PRETTY_NAME` of os-release.
    pub os_image: Text,
    /// Such as `containerd://2.2.5`.
    pub container_runtime_version: Text,
    /// Kubernetes' version; `-eks-` in it says EKS' build.
    pub kubelet_version: Text,
    /// `linux` or `windows`; empty: kubelet has not said.
    pub operating_system: Text,
    /// `amd64`, `arm64`, …
    pub architecture: Text,
}

impl Node {
    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        condition(&self.status.conditions, kind)
    }

    /// Its address inside the cluster's network.
    pub fn internal_ip(&self) -> Option<&Text> {
        self.status.addresses.iter().find(|it| it.kind == "InternalIP").map(|it| &it.address)
    }

    /// Whether its kernel is Windows'.
    pub fn is_windows(&self) -> bool {
        self.status.node_info.operating_system == "windows"
            || self.metadata.labels.is("kubernetes.io/os", "windows")
    }
}

impl Trim for Node {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        interner.share(&mut self.spec.provider_id);
        self.spec.taints.iter_mut().for_each(|it| it.trim(interner));
        self.spec.taints.shrink_to_fit();
        for condition in &mut self.status.conditions {
            // Kubelet's sentences are not judged; ours are.
            if !condition.kind.contains('/') {
                condition.message = Text::default();
            }
            condition.trim(interner);
        }
        self.status.conditions.shrink_to_fit();
        self.status.addresses.retain(|it| it.kind == "InternalIP");
        self.status.addresses.shrink_to_fit();
        for address in &mut self.status.addresses {
            interner.share(&mut address.kind);
        }
        let NodeInfo {
            kernel_version,
            os_image,
            container_runtime_version,
            kubelet_version,
            operating_system,
            architecture,
        } = &mut self.status.node_info;
        let texts = [kernel_version, os_image, container_runtime_version, kubelet_version];
        texts.into_iter().chain([operating_system, architecture]).for_each(|it| interner.share(it));
    }
}
