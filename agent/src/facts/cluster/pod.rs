//! A Pod, as far as its place, its demands and its start are judged.

use serde::{Deserialize, Serialize};

use super::condition::Toleration;
use super::condition::{Condition, condition};
use super::meta::Meta;
use super::selector::Affinity;
use super::text::{Interner, Labels, Text, Trim, null_is_default};
use super::time::Time;

/// A Pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, labels, annotations.
    pub metadata: Meta,
    /// What was asked for.
    pub spec: PodSpec,
    /// How it goes.
    pub status: PodStatus,
}

/// `spec` of a Pod, or of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node it is bound to; empty: none yet.
    pub node_name: Text,
    /// Who binds it.
    pub scheduler_name: Text,
    /// The node's network namespace.
    pub host_network: bool,
    /// The node's process ids.
    #[serde(rename = "hostPID")]
    pub host_pid: bool,
    /// The node's IPC.
    #[serde(rename = "hostIPC")]
    pub host_ipc: bool,
    /// Labels that a node must have.
    pub node_selector: Labels,
    /// What else a node must have.
    pub affinity: Option<Box<Affinity>>,
    /// Taints it does not mind.
    #[serde(deserialize_with = "null_is_default")]
    pub tolerations: Vec<Toleration>,
    /// Containers.
    #[serde(deserialize_with = "null_is_default")]
    pub containers: Vec<Container>,
    /// Containers that run before.
    #[serde(deserialize_with = "null_is_default")]
    pub init_containers: Vec<Container>,
    /// Volumes, as far as they reach into the node.
    #[serde(deserialize_with = "null_is_default")]
    pub volumes: Vec<Volume>,
}

/// One volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Its name in the pod.
    pub name: Text,
    /// A path of the node; `None`: another kind of volume.
    pub host_path: Option<HostPath>,
}

/// A path of the node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostPath {
    /// The path.
    pub path: Text,
}

/// One container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name in the pod.
    pub name: Text,
    /// Its image.
    pub image: Text,
    /// The rights it asks for.
    pub security_context: Option<Box<SecurityContext>>,
    /// Its ports, as far as they are the node's.
    #[serde(deserialize_with = "null_is_default")]
    pub ports: Vec<Port>,
}

/// The rights a container asks for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// All of them.
    pub privileged: Option<bool>,
    /// Capabilities beyond the runtime's default.
    pub capabilities: Option<Capabilities>,
}

/// Capabilities beyond the runtime's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Names, without `CAP_` as a rule.
    #[serde(deserialize_with = "null_is_default")]
    pub add: Vec<Text>,
}

/// One port of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    /// The port of the node; `None` or 0: none.
    pub host_port: Option<u16>,
}

/// `status` of a Pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Text,
    /// Conditions.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Vec<Condition>,
}

impl Pod {
    /// When it became Ready; `None`: it is not.
    pub fn ready_at(&self) -> Option<Time> {
        let ready = condition(&self.status.conditions, "Ready")?;
        ready.is_true().then_some(ready.last_transition_time).flatten()
    }

    /// Whether it is Ready.
    pub fn is_ready(&self) -> bool {
        condition(&self.status.conditions, "Ready").is_some_and(Condition::is_true)
    }

    /// The one node it is meant for: where it runs, else where its DaemonSet wants it.
    ///
    /// A DaemonSet's pod names its node in `matchFields` before it is bound.
    pub fn target_node(&self) -> Option<&Text> {
        if !self.spec.node_name.is_empty() {
            return Some(&self.spec.node_name);
        }
        let terms = self.spec.affinity.as_ref()?.terms();
        let fields = terms.iter().flat_map(|it| &it.match_fields);
        let mut names = fields.filter(|it| it.key == "metadata.name").flat_map(|it| &it.values);
        names.next()
    }

    /// Whether a DaemonSet made it.
    pub fn is_of_daemon_set(&self) -> bool {
        self.metadata.owner_references.iter().any(|it| it.kind == "DaemonSet")
    }
}

impl PodSpec {
    /// All containers.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }

    fn trim(&mut self, interner: &mut Interner) {
        interner.share(&mut self.node_name);
        interner.share(&mut self.scheduler_name);
        interner.share_all(&mut self.node_selector);
        self.volumes.retain(|it| it.host_path.is_some());
        self.volumes.shrink_to_fit();
        // Only what a workload asks for is judged, and then of its template.
        self.tolerations = Vec::new();
        for container in self.containers.iter_mut().chain(&mut self.init_containers) {
            interner.share(&mut container.name);
            interner.share(&mut container.image);
            container.ports.retain(|it| it.host_port.is_some_and(|it| it > 0));
            container.ports.shrink_to_fit();
        }
        self.containers.shrink_to_fit();
        self.init_containers.shrink_to_fit();
    }
}

impl Trim for Pod {
    fn trim(&mut self, interner: &mut Interner) {
        self.metadata.trim(interner);
        self.spec.trim(interner);
        interner.share(&mut self.status.phase);
        self.status.conditions.retain(|it| it.kind == "Ready" || it.kind == "PodScheduled");
        self.status.conditions.shrink_to_fit();
        self.status.conditions.iter_mut().for_each(|it| it.trim(interner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The affinity that the DaemonSet controller writes (`util.ReplaceDaemonSetPodNodeNameNodeAffinity`).
    #[test]
    fn a_pending_daemonset_pod_names_its_node_before_it_is_bound() {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": [
                    {"key": "metadata.name", "operator": "In", "values": ["fargate-ip-10-0-1-15"]}
                ]}]
            }}}}
        }))
        .unwrap();
        assert_eq!(pod.target_node().map(AsRef::as_ref), Some("fargate-ip-10-0-1-15"));
    }
}
