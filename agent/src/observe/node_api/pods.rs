//! The pods of the agent's own Node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures::{Stream, StreamExt as _};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ApiResource, ObjectMeta};
use kube::core::Object;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde::{Deserialize, Serialize};

use super::Patience;
use crate::facts::pods::{NodePods, Pod, PodSource};

/// Pods of one page of a list: each is read into memory whole before it is cut.
const PAGE: u32 = 30;
/// AWS VPC CNI's annotation of a pod with a branch ENI.
const POD_ENI: &str = "vpc.amazonaws.com/pod-eni";

/// A pod with what is needed of it.
type Slim = Object<Spec, Status>;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    host_network: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    start_time: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodIp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PodIp {
    ip: String,
}

/// All pods of a Node each time one of them changes in a way that matters. Reconnects for ever,
/// with waits in between; what went wrong is logged.
pub fn pods_of(client: Client, node: &str) -> impl Stream<Item = NodePods> + Send + use<> {
    let resource = ApiResource {
        group: String::new(),
        version: "v1".into(),
        api_version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
    };
    let api: Api<Slim> = Api::all_with(client, &resource);
    let config =
        watcher::Config::default().fields(&format!("spec.nodeName={node}")).page_size(PAGE);
    let lists =
        watcher(api, config).backoff(Patience::default()).scan(List::default(), |list, event| {
            let event = event.inspect_err(|error| {
                tracing::warn!(%error, "the watch of the pods broke; it is taken up again");
            });
            futures::future::ready(Some(event.ok().and_then(|it| list.take(it))))
        });
    lists.filter_map(futures::future::ready)
}

/// The pods by name, and those of a list that is still being read.
#[derive(Debug, Default)]
struct List {
    pods: BTreeMap<(String, String), Pod>,
    coming: BTreeMap<(String, String), Pod>,
    is_complete: bool,
}

impl List {
    /// Takes one event; what all pods are after it, when that is another thing than before.
    fn take(&mut self, event: watcher::Event<Slim>) -> Option<NodePods> {
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        let is_news = match event {
            Init => {
                self.coming.clear();
                false
            }
            InitApply(pod) => {
                let (key, pod) = convert(pod);
                self.coming.insert(key, pod);
                false
            }
            InitDone => {
                let coming = std::mem::take(&mut self.coming);
                let is_first = !std::mem::replace(&mut self.is_complete, true);
                let before = std::mem::replace(&mut self.pods, coming);
                is_first || before != self.pods
            }
            Apply(pod) => {
                let (key, pod) = convert(pod);
                self.pods.insert(key, pod.clone()).as_ref() != Some(&pod)
            }
            Delete(pod) => self.pods.remove(&convert(pod).0).is_some(),
        };
        is_news.then(|| NodePods {
            source: PodSource::Api,
            pods: self.pods.values().cloned().collect(),
        })
    }
}

fn convert(pod: Slim) -> ((String, String), Pod) {
    let ObjectMeta { name, namespace, annotations, .. } = pod.metadata;
    let (name, namespace) = (name.unwrap_or_default(), namespace.unwrap_or_default());
    let status = pod.status.unwrap_or_default();
    let started = status.start_time.as_deref().and_then(|it| it.parse::<Timestamp>().ok());
    let converted = Pod {
        namespace: Some(namespace.clone()),
        name: Some(name.clone()),
        addresses: status.pod_ips.iter().filter_map(|it| it.ip.parse::<IpAddr>().ok()).collect(),
        host_network: pod.spec.host_network,
        running: status.phase == "Running",
        started_at_seconds: started.and_then(|it| u64::try_from(it.as_second()).ok()),
        has_pod_eni: annotations.is_some_and(|it| it.contains_key(POD_ENI)),
    };
    ((namespace, name), converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, phase: &str) -> Slim {
        let json = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "annotations": {POD_ENI: "[]"}},
            "spec": {"nodeName": "n", "containers": []},
            "status": {"phase": phase, "startTime": "2026-11-23T04:00:00Z",
                "podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_pod_is_read_with_both_addresses_and_its_start() {
        let (_, pod) = convert(pod("a", "Running"));
        assert_eq!(pod.addresses.len(), 2);
        assert_eq!(pod.started_at_seconds, Some(1_795_406_400));
        assert!(pod.running && pod.has_pod_eni && !pod.host_network);
    }

    #[test]
    fn only_a_complete_list_and_real_changes_are_told() {
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        let mut list = List::default();
        assert_eq!(list.take(Init), None);
        assert_eq!(list.take(InitApply(pod("a", "Running"))), None);
        assert_eq!(list.take(InitDone).unwrap().pods.len(), 1);
        assert_eq!(list.take(Apply(pod("a", "Running"))), None, "nothing that matters changed");
        assert_eq!(list.take(Apply(pod("b", "Pending"))).unwrap().pods.len(), 2);
        assert_eq!(list.take(Delete(pod("a", "Running"))).unwrap().pods.len(), 1);
        // After a 410 the list is read again, and what was missed shows.
        assert_eq!(list.take(Init), None);
        assert!(list.take(InitDone).unwrap().pods.is_empty());
    }

    #[test]
    fn a_node_without_pods_is_told_once() {
        use watcher::Event::{Init, InitDone};
        let mut list = List::default();
        list.take(Init);
        assert!(list.take(InitDone).unwrap().pods.is_empty());
        list.take(Init);
        assert_eq!(list.take(InitDone), None);
    }
}
