//! Rules `fargate-pod-unsupported` and `ebpf-agent-on-fargate`: pods that cannot work where they are
//! bound for.

use super::cilium_on_fargate::is_for_fargate;
use super::{ClusterFinding, Grade, Rule, Scene, count, pod_object};
use crate::facts::cluster::{Cluster, Pod};
use crate::judge::cluster::fargate::unsupported::{demands, ebpf_agent};
use crate::judge::cluster::fargate::{is_fargate_pod, is_over};

const UNSUPPORTED: Rule =
    Rule::new("fargate-pod-unsupported", "FargatePodUnsupported", Grade::Warning);
const AGENTS: Rule = Rule::new("ebpf-agent-on-fargate", "EbpfAgentOnFargate", Grade::Warning);
const REMEDY: &str = "Take its namespace and labels out of the Fargate profile and let it run on \
                      nodes of Karpenter or of a managed node group; it must be created anew.";

/// Pods that ask for rights that Fargate does not give: its scheduler refuses them.
pub(super) fn unsupported(scene: &Scene<'_>) -> ClusterFinding {
    let Some(pods) = bound(scene) else {
        return UNSUPPORTED.undetermined("the Fargate pods could not be listed");
    };
    let asking: Vec<_> =
        pods.iter().map(|it| (it, demands(it))).filter(|it| !it.1.is_empty()).collect();
    if asking.is_empty() {
        return UNSUPPORTED.pass("no pod on Fargate asks for what Fargate does not give");
    }
    let told =
        asking.iter().map(|(pod, demands)| format!("{}: {}", pod_object(pod), demands.join("; ")));
    UNSUPPORTED
        .fail(format!("Fargate refuses {}", count(asking.len(), "pod")), REMEDY)
        .because(told.take(20))
        .about(asking.iter().map(|it| pod_object(it.0)))
}

/// Pods of agents that load eBPF programs.
pub(super) fn agents(scene: &Scene<'_>) -> ClusterFinding {
    let Some(pods) = bound(scene) else {
        return AGENTS.undetermined("the Fargate pods could not be listed");
    };
    // Cilium's own DaemonSet has a rule of its own.
    let of_daemon_sets = Cluster::known(&scene.cluster.pending_pods)
        .iter()
        .filter(|it| !it.metadata.labels.is("k8s-app", "cilium") && is_for_fargate(scene, it));
    let all = pods.into_iter().chain(of_daemon_sets);
    let agents: Vec<_> = all.filter_map(|it| Some((it, ebpf_agent(it)?))).collect();
    if agents.is_empty() {
        return AGENTS.pass("no eBPF agent is bound for Fargate");
    }
    AGENTS
        .fail(
            format!(
                "eBPF agents are bound for Fargate, where they can load no program: {}",
                count(agents.len(), "pod")
            ),
            REMEDY,
        )
        .because(agents.iter().take(20).map(|(pod, agent)| format!("{}: {agent}", pod_object(pod))))
        .about(agents.iter().map(|it| pod_object(it.0)))
}

/// The living pods on Fargate or bound for it; `None`: they could not be listed.
fn bound<'a>(scene: &Scene<'a>) -> Option<Vec<&'a Pod>> {
    scene.cluster.fargate_pods.known()?;
    let pods = Cluster::known(&scene.cluster.fargate_pods).iter();
    Some(pods.filter(|it| is_fargate_pod(it) && !is_over(it)).collect())
}
