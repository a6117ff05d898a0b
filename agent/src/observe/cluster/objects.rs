//! One look at a cluster, by a dump of its objects: `kubectl get … -o yaml`, or a test's fixture.
//!
//! A kind of which the dump holds nothing was not asked for: it is unknown, not empty. An empty list
//! says "asked, and there is none": `kubectl get nodepools -A -o yaml` writes one.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::facts::cluster::cilium::{self, CiliumConfig, Crd};
use crate::facts::cluster::karpenter::{self, NodePool};
use crate::facts::cluster::text::{Interner, Trim};
use crate::facts::cluster::workload::{Deployment, NetworkPolicy};
use crate::facts::cluster::{Cluster, Pod, Text};
use crate::facts::{Cause, Observed};

/// A dump that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {name}: {message}")]
pub struct Misunderstood {
    kind: String,
    name: String,
    message: String,
}

/// Builds a cluster of documents, each an object or a list of objects. Our keys on them begin with
/// `prefix`, such as `bpfready.io/`.
///
/// # Errors
///
/// [`Misunderstood`] when an object does not have the shape of its kind.
pub fn cluster(documents: Vec<Value>, prefix: &str, now: u64) -> Result<Cluster, Misunderstood> {
    let mut dump = Dump::default();
    documents.into_iter().for_each(|it| dump.take(it));
    dump.cluster(prefix, now)
}

#[derive(Default)]
struct Dump {
    objects: BTreeMap<String, Vec<Value>>,
    /// Kinds of which something is there, or an empty list.
    kinds: BTreeSet<String>,
}

impl Dump {
    fn take(&mut self, mut document: Value) {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        if document["items"].is_array() {
            // Kubernetes names a list's items only in its own kind: `NodePoolList`.
            let item = kind.strip_suffix("List").unwrap_or_default();
            let version = document["apiVersion"].clone();
            let Some(items) = document["items"].as_array_mut() else { return };
            if !item.is_empty() {
                self.kinds.insert(item.to_owned());
            }
            for mut object in std::mem::take(items) {
                if object.get("kind").is_none() {
                    object["kind"] = item.into();
                    object["apiVersion"] = version.clone();
                }
                self.take(object);
            }
            return;
        }
        self.kinds.insert(kind.clone());
        self.objects.entry(kind).or_default().push(document);
    }

    fn cluster(self, prefix: &str, now: u64) -> Result<Cluster, Misunderstood> {
        let mut interner = Interner::for_prefix(prefix);
        let pods: Observed<Vec<Pod>> = self.all("Pod", &mut interner, |_| true)?;
        let select = |wanted: fn(&Pod) -> bool| {
            pods.as_ref().map(|it| it.iter().filter(|it| wanted(it)).cloned().collect())
        };
        Ok(Cluster {
            taken_at_seconds: now,
            version: self.version(),
            nodes: self.all("Node", &mut interner, |_| true)?,
            fargate_pods: select(|it| it.metadata.labels.has("eks.amazonaws.com/fargate-profile")),
            pending_pods: select(|it| it.status.phase == "Pending" && it.is_of_daemon_set()),
            cilium_pods: select(|it| it.metadata.labels.is("k8s-app", "cilium")),
            vpc_cni_pods: select(|it| it.metadata.labels.is("k8s-app", "aws-node")),
            agent_pods: select(|it| {
                it.metadata.labels.is("app.kubernetes.io/name", "bpfready")
                    && it.metadata.labels.is("app.kubernetes.io/component", "agent")
            }),
            daemon_sets: self.all("DaemonSet", &mut interner, |_| true)?,
            deployments: self.all("Deployment", &mut interner, Deployment::is_judged)?,
            network_policies: self.policies(&mut interner)?,
            crds: self.all("CustomResourceDefinition", &mut interner, |it: &Crd| {
                it.is_of(cilium::GROUP) || it.is_of(karpenter::GROUP)
            })?,
            served: self.served(),
            node_pools: self.custom::<NodePool>("NodePool", karpenter::GROUP, &mut interner)?,
            node_claims: self.custom("NodeClaim", karpenter::GROUP, &mut interner)?,
            cilium_nodes: self.custom("CiliumNode", cilium::GROUP, &mut interner)?,
            cilium_node_configs: self.custom("CiliumNodeConfig", cilium::GROUP, &mut interner)?,
            cilium_config: self.cilium_config()?,
            fargate_webhook: self.fargate_webhook(),
        })
    }

    /// All objects of a kind.
    fn all<T: DeserializeOwned + Trim>(
        &self,
        kind: &str,
        interner: &mut Interner,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Observed<Vec<T>>, Misunderstood> {
        if !self.kinds.contains(kind) {
            return Ok(not_in(kind));
        }
        let mut all = Vec::new();
        for object in self.of(kind) {
            let mut object: T = read(kind, object)?;
            if wanted(&object) {
                object.trim(interner);
                all.push(object);
            }
        }
        Ok(Observed::Known(all))
    }

    /// All objects of a kind that need not be served: the CRDs of the dump say whether it is.
    fn custom<T: DeserializeOwned + Trim>(
        &self,
        kind: &str,
        group: &str,
        interner: &mut Interner,
    ) -> Result<Observed<Option<Vec<T>>>, Misunderstood> {
        let found = self.all(kind, interner, |_| true)?;
        if found.known().is_some() || !self.kinds.contains("CustomResourceDefinition") {
            return Ok(found.map(Some));
        }
        let names = |it: &Value| it["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let plural = format!("{}s.{group}", kind.to_lowercase());
        let served = self.of("CustomResourceDefinition").any(|it| names(it) == plural);
        Ok(if served { found.map(Some) } else { Observed::Known(None) })
    }

    fn policies(
        &self,
        interner: &mut Interner,
    ) -> Result<Observed<Vec<NetworkPolicy>>, Misunderstood> {
        let mut all = self.all("NetworkPolicy", interner, |_: &NetworkPolicy| true)?;
        for kind in ["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"] {
            if let (Observed::Known(all), Observed::Known(more)) =
                (&mut all, self.all(kind, interner, |_| true)?)
            {
                all.extend(more);
            }
        }
        Ok(all)
    }

    fn cilium_config(&self) -> Result<Observed<Option<CiliumConfig>>, Misunderstood> {
        if !self.kinds.contains("ConfigMap") {
            return Ok(not_in("ConfigMap"));
        }
        let is_it = |it: &&Value| it["metadata"]["name"] == "cilium-config";
        let found = self.of("ConfigMap").find(is_it);
        Ok(Observed::Known(found.map(|it| read("ConfigMap", it)).transpose()?))
    }

    fn fargate_webhook(&self) -> Observed<bool> {
        let kind = "MutatingWebhookConfiguration";
        if !self.kinds.contains(kind) {
            return not_in(kind);
        }
        let is_it = |it: &Value| {
            it["metadata"]["name"]
                .as_str()
                .is_some_and(|it| it.starts_with("0500-amazon-eks-fargate-mutation"))
        };
        Observed::Known(self.of(kind).any(is_it))
    }

    /// A dump holds no version; the newest kubelet is a lower bound that people understand.
    fn version(&self) -> Observed<Text> {
        Observed::unknown(Cause::NotRecorded, "a dump of objects does not hold the version")
    }

    /// Groups by the objects' own versions.
    fn served(&self) -> Observed<BTreeMap<Text, Vec<Text>>> {
        let mut served: BTreeMap<Text, Vec<Text>> = BTreeMap::new();
        for object in self.objects.values().flatten() {
            let Some((group, version)) =
                object["apiVersion"].as_str().and_then(|it| it.split_once('/'))
            else {
                continue;
            };
            let versions = served.entry(group.into()).or_default();
            if !versions.iter().any(|it| it == version) {
                versions.push(version.into());
            }
        }
        Observed::Known(served)
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.get(kind).into_iter().flatten()
    }
}

fn not_in<T>(kind: &str) -> Observed<T> {
    Observed::unknown(
        Cause::NotRecorded,
        format!("the dump holds no {kind} and no empty list of them"),
    )
}

fn read<T: DeserializeOwned>(kind: &str, object: &Value) -> Result<T, Misunderstood> {
    T::deserialize(object).map_err(|error| Misunderstood {
        kind: kind.to_owned(),
        name: object["metadata"]["name"].as_str().unwrap_or("without a name").to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::cluster::text::PREFIX;
    use serde_json::json;

    #[test]
    fn a_kind_that_the_dump_does_not_hold_is_unknown_and_an_empty_list_is_empty() {
        let cluster = cluster(vec![json!({"kind": "NodeList", "items": []})], PREFIX, 0).unwrap();
        assert_eq!(cluster.nodes, Observed::Known(Vec::new()));
        assert!(cluster.fargate_pods.failure().is_some());
        assert!(cluster.node_pools.failure().is_some());
    }

    #[test]
    fn pods_are_selected_as_the_server_would() {
        let pod = |name: &str, labels: Value, phase: &str| json!({"kind": "Pod", "metadata": {"name": name, "labels": labels}, "status": {"phase": phase}});
        let list = json!({"kind": "List", "items": [
            pod("a", json!({"eks.amazonaws.com/fargate-profile": "web"}), "Running"),
            pod("b", json!({"k8s-app": "cilium"}), "Pending"),
        ]});
        let cluster = cluster(vec![list], PREFIX, 0).unwrap();
        let names = |pods: &Observed<Vec<Pod>>| {
            Cluster::known(pods).iter().map(|it| it.metadata.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&cluster.fargate_pods), ["a"]);
        assert_eq!(names(&cluster.cilium_pods), ["b"]);
    }

    #[test]
    fn a_kind_whose_crd_is_absent_is_not_served() {
        let crds = json!({"kind": "CustomResourceDefinitionList", "items": []});
        let cluster = cluster(vec![crds], PREFIX, 0).unwrap();
        assert_eq!(cluster.node_pools, Observed::Known(None));
        assert_eq!(cluster.cilium_nodes, Observed::Known(None));
    }

    #[test]
    fn an_object_of_a_wrong_shape_is_named() {
        let node = json!({"kind": "Node", "metadata": {"name": "a"}, "spec": {"taints": 5}});
        let error = cluster(vec![node], PREFIX, 0).unwrap_err().to_string();
        assert!(error.starts_with("Node a: "), "{error}");
    }
}
