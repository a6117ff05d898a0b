//! Clusters for tests.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::facts::cluster::Cluster;

/// A cluster that was read as a whole and holds nothing.
pub(crate) fn empty() -> Cluster {
    Cluster {
        taken_at_seconds: 1_795_407_736,
        version: Observed::Known("v1.36.3-eks-cb19647".into()),
        nodes: Observed::Known(Vec::new()),
        fargate_pods: Observed::Known(Vec::new()),
        pending_pods: Observed::Known(Vec::new()),
        cilium_pods: Observed::Known(Vec::new()),
        vpc_cni_pods: Observed::Known(Vec::new()),
        agent_pods: Observed::Known(Vec::new()),
        daemon_sets: Observed::Known(Vec::new()),
        deployments: Observed::Known(Vec::new()),
        network_policies: Observed::Known(Vec::new()),
        crds: Observed::Known(Vec::new()),
        served: Observed::Known(BTreeMap::new()),
        node_pools: Observed::Known(Some(Vec::new())),
        node_claims: Observed::Known(Some(Vec::new())),
        cilium_nodes: Observed::Known(None),
        cilium_node_configs: Observed::Known(None),
        cilium_config: Observed::Known(None),
        fargate_webhook: Observed::Known(false),
    }
}
