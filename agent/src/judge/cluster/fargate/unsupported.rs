//! Pods that cannot work on Fargate: what they ask for, and which of them are eBPF agents.

use crate::facts::cluster::Pod;
use crate::facts::cluster::pod::Container;

/// Capabilities that a container on Fargate may have; asking for any other fails
/// (aws/containers-roadmap#409).
const ALLOWED: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What a pod asks for that Fargate does not give, in the words of its scheduler's events.
pub fn demands(pod: &Pod) -> Vec<String> {
    let spec = &pod.spec;
    let mut demands: Vec<String> = [
        (spec.host_network, "HostNetwork"),
        (spec.host_pid, "HostPID"),
        (spec.host_ipc, "HostIPC"),
        (spec.all_containers().any(has_host_port), "HostPort"),
        (spec.all_containers().any(is_privileged), "Privileged"),
    ]
    .into_iter()
    .filter(|it| it.0)
    .map(|it| it.1.to_owned())
    .collect();
    let mut capabilities: Vec<String> = spec.all_containers().flat_map(foreign).collect();
    capabilities.sort();
    capabilities.dedup();
    if !capabilities.is_empty() {
        demands.push(format!("Capabilities added: {}", capabilities.join(", ")));
    }
    demands
}

fn has_host_port(container: &Container) -> bool {
    container.ports.iter().any(|it| it.host_port.is_some_and(|it| it > 0))
}

fn is_privileged(container: &Container) -> bool {
    container.security_context.as_ref().is_some_and(|it| it.privileged == Some(true))
}

fn foreign(container: &Container) -> Vec<String> {
    let context = container.security_context.as_ref();
    let added = context.and_then(|it| it.capabilities.as_ref()).map_or(&[][..], |it| &it.add);
    let names = added.iter().map(|it| it.to_uppercase());
    let names = names.map(|it| it.trim_start_matches("CAP_").to_owned());
    names.filter(|it| !ALLOWED.contains(&it.as_str())).collect()
}

/// Images of agents that load eBPF programs: the last part of the image's path, and the product.
const AGENTS: &[(&str, &str)] = &[
    ("beyla", "Grafana Beyla"),
    ("bpfman", "bpfman"),
    ("cilium", "Cilium"),
    ("cilium-ci", "Cilium"),
    ("coroot-node-agent", "Coroot"),
    ("datadog-agent-system-probe", "Datadog system-probe"),
    ("deepflow-agent", "DeepFlow"),
    ("falco", "Falco"),
    ("falco-no-driver", "Falco"),
    ("inspektor-gadget", "Inspektor Gadget"),
    ("kepler", "Kepler"),
    ("kubearmor", "KubeArmor"),
    ("odiglet", "Odigos"),
    ("parca-agent", "Parca Agent"),
    ("retina-agent", "Retina"),
    ("tetragon", "Tetragon"),
    ("tracee", "Tracee"),
    ("vizier-pem_image", "Pixie"),
];

/// The eBPF agent that a pod runs; `None`: none that is known.
pub fn ebpf_agent(pod: &Pod) -> Option<&'static str> {
    let images = pod.spec.containers.iter().map(|it| image_name(&it.image));
    images.filter_map(|it| AGENTS.iter().find(|agent| agent.0 == it)).map(|it| it.1).next()
}

/// `quay.io/cilium/cilium:v1.18.1@sha256:…` → `cilium`.
fn image_name(image: &str) -> &str {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads as a literal where it is called")]
    fn pod(spec: serde_json::Value) -> Pod {
        serde_json::from_value(serde_json::json!({"spec": spec})).unwrap()
    }

    /// The texts of events of fargate-scheduler: § 2.2 of the facts.
    #[test]
    fn each_demand_is_named_as_fargates_scheduler_names_it() {
        let pod = pod(serde_json::json!({
            "hostNetwork": true,
            "containers": [{
                "image": "x",
                "ports": [{"containerPort": 80}, {"hostPort": 80}],
                "securityContext": {
                    "privileged": true,
                    "capabilities": {"add": ["NET_ADMIN", "CAP_BPF", "chown", "NET_RAW"]}
                }
            }]
        }));
        let wanted =
            ["HostNetwork", "HostPort", "Privileged", "Capabilities added: BPF, NET_ADMIN"];
        assert_eq!(demands(&pod), wanted);
    }

    #[test]
    fn an_ordinary_pod_asks_for_nothing() {
        let pod = pod(serde_json::json!({
            "containers": [{
                "image": "nginx",
                "ports": [{"containerPort": 80, "hostPort": 0}],
                "securityContext": {"privileged": false, "capabilities": {"drop": ["ALL"]}}
            }]
        }));
        assert_eq!(demands(&pod), Vec::<String>::new());
        assert_eq!(ebpf_agent(&pod), None);
    }

    #[test]
    fn an_agent_is_known_by_its_image_whatever_its_registry_and_tag() {
        for (image, product) in [
            ("quay.io/cilium/cilium:v1.18.1@sha256:00", "Cilium"),
            ("localhost:5000/mirror/tetragon", "Tetragon"),
            ("docker.io/falcosecurity/falco:0.42.0", "Falco"),
            ("gcr.io/pixie-oss/pixie-prod/vizier-pem_image:0.14", "Pixie"),
            ("grafana/beyla:2", "Grafana Beyla"),
        ] {
            let pod = pod(serde_json::json!({"containers": [{"image": image}]}));
            assert_eq!(ebpf_agent(&pod), Some(product), "{image}");
        }
    }
}
