//! The steps of a recommendation. Cilium's guides `k8s-install-migration` and `cni-chaining-aws-cni`,
//! the EKS user guide (`create-cluster`), Karpenter's rules on drift.

use serde::{Deserialize, Serialize};

use crate::judge::releases::KNOWN;
use crate::judge::report::{Release, Ternary};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    pub title: String,
    /// Commands that do it; empty: no command does.
    pub commands: Vec<String>,
}

fn steps(list: &[(&str, &[&str])]) -> Vec<Step> {
    let step = |(title, commands): &(&str, &[&str])| Step {
        title: (*title).to_owned(),
        commands: commands.iter().map(|it| (*it).to_owned()).collect(),
    };
    list.iter().map(step).collect()
}

/// A cluster whose nodes have no datapath yet.
pub(super) fn new_cluster() -> Vec<Step> {
    steps(&[
        (
            "Make the cluster without its own add-ons; this is possible at its creation only",
            &["aws eks create-cluster --no-bootstrap-self-managed-addons …"],
        ),
        (
            "Give node groups the taint node.cilium.io/agent-not-ready=true:NoExecute, and NodePools the same as startupTaints",
            &[],
        ),
        (
            "Install Cilium",
            &["cilium install --set eni.enabled=true --set ipam.mode=eni --set routingMode=native"],
        ),
        ("Verify", &["cilium status --wait", "bpfready cluster --fail-on warning"]),
    ])
}

/// One node after the other, by Cilium's migration guide; where Cilium is installed, from there on.
pub(super) fn node_by_node(installed: Ternary) -> Vec<Step> {
    let mut all = steps(&[
        (
            "Install Cilium as a second overlay that touches no node yet",
            &[
                "helm install cilium cilium/cilium -n kube-system --set cni.customConf=true --set cni.uninstall=false --set policyEnforcementMode=never --set bpf.hostLegacyRouting=true --set operator.unmanagedPodWatcher.restart=false --set tunnelPort=8473 --set ipam.mode=cluster-pool --set ipam.operator.clusterPoolIPv4PodCIDRList=10.245.0.0/16",
            ],
        ),
        (
            "Create a CiliumNodeConfig that selects io.cilium.migration/cilium-default=true and writes the CNI configuration there: defaults write-cni-conf-when-ready=/host/etc/cni/net.d/05-cilium.conflist, custom-cni-conf=false, cni-chaining-mode=none, cni-exclusive=true",
            &["kubectl api-resources --api-group=cilium.io | grep ciliumnodeconfigs"],
        ),
        (
            "For each node: cordon, drain, label, restart Cilium on it, reboot, verify, uncordon",
            &[
                "kubectl cordon $NODE && kubectl drain $NODE --ignore-daemonsets --delete-emptydir-data",
                "kubectl label node $NODE io.cilium.migration/cilium-default=true",
                "kubectl -n kube-system delete pod --field-selector spec.nodeName=$NODE -l k8s-app=cilium",
                "bpfready check --require ready",
                "kubectl uncordon $NODE",
            ],
        ),
        ("Follow it", &["bpfready cluster"]),
        (
            "When all have moved: give Cilium its final values, delete the CiliumNodeConfig, remove the old CNI, switch policies on",
            &["bpfready cluster --fail-on warning"],
        ),
    ]);
    if installed == Ternary::Yes {
        all.remove(0);
    }
    all
}

/// With Karpenter: a second NodePool, and the old one is drained. No node changes in place.
pub(super) fn pool_by_pool(pool: &str) -> Vec<Step> {
    // The command is there to be copied to a shell; a dump of objects may hold any name.
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '.';
    let pool = if pool.chars().all(is_name) { pool } else { "$NODEPOOL" };
    let proposal = format!("bpfready cluster nodepool {pool}");
    steps(&[
        (
            "Keep the VPC CNI from nodes of Cilium: add `bpfready.io/expect-datapath NotIn [cilium]` to each term of its node affinity",
            &["kubectl -n kube-system edit daemonset aws-node"],
        ),
        (
            "Print a second NodePool that promises Cilium and holds pods back until it runs",
            &[&proposal],
        ),
        (
            "Install Cilium on nodes with that promise alone",
            &[
                "helm install cilium cilium/cilium -n kube-system --set eni.enabled=true --set ipam.mode=eni --set routingMode=native --set operator.unmanagedPodWatcher.restart=false --set nodeSelector.'bpfready\\.io/expect-datapath'=cilium --set envoy.nodeSelector.'bpfready\\.io/expect-datapath'=cilium",
            ],
        ),
        (
            "Let workloads move: they select the promise, or the old pool gets a lower weight and a limit (neither replaces a node)",
            &[],
        ),
        (
            "Drain the old pool's nodes within its disruption budgets, and follow it",
            &["bpfready cluster"],
        ),
        ("Keep Karpenter's NodeRepair off until the VPC CNI is gone", &[]),
    ])
}

/// Nodes where the target cannot run.
pub(super) fn newer_nodes(target: Release) -> Vec<Step> {
    let older = KNOWN.iter().rev().find(|it| **it < target);
    let older = older.map(|it| format!("bpfready cluster --target-cilium {it}"));
    let mut all = steps(&[
        (
            "See what is missing, node by node",
            &[
                "bpfready cluster -o json | jq '.nodes[] | select(.ciliumCapable==\"no\") | {name, why}'",
            ],
        ),
        (
            "Take a newer machine image for those pools: a new NodePool or node group replaces no running node",
            &[],
        ),
    ]);
    all.extend(older.map(|command| Step {
        title: "Or look for an older release that can run there".to_owned(),
        commands: vec![command],
    }));
    all
}

/// Nobody measured.
pub(super) fn measure() -> Vec<Step> {
    steps(&[
        ("Install the agents", &["kubectl apply -k manifests/overlays/eks"]),
        ("Ask again", &["bpfready cluster"]),
    ])
}

/// Nodes whose platform allows Cilium.
pub(super) fn other_nodes() -> Vec<Step> {
    steps(&[
        (
            "Take Cilium off these nodes, or keep it from them by its node affinity",
            &["kubectl -n kube-system edit daemonset cilium"],
        ),
        (
            "Add nodes of a managed node group or of a Karpenter of your own, and let workloads move there",
            &[],
        ),
        ("Ask again", &["bpfready cluster"]),
    ])
}

/// From Fargate to nodes.
pub(super) fn from_fargate() -> Vec<Step> {
    steps(&[
        (
            "Install Karpenter, with a NodePool for the workloads of the Fargate profiles",
            &["bpfready cluster nodepool default"],
        ),
        (
            "Delete the Fargate profiles one by one and create their pods anew: a pod never moves from Fargate to a node",
            &[
                "aws eks delete-fargate-profile --cluster-name $CLUSTER --fargate-profile-name $PROFILE",
            ],
        ),
        ("Ask again", &["bpfready cluster"]),
    ])
}
