//! What the pods may do on their nodes: the rung of privilege is the manifest's promise.

use serde_json::{Value, json};

use super::documents::{OVERLAYS, kustomized, named};

fn agent(overlay: &str) -> Value {
    let documents = kustomized(&format!("overlays/{overlay}"));
    named(&documents, "DaemonSet", "bpfready-agent")["spec"]["template"]["spec"].clone()
}

fn added(pod: &Value) -> &Value {
    &pod["containers"][0]["securityContext"]["capabilities"]["add"]
}

#[test]
fn the_agent_has_three_capabilities_and_one_more_where_that_was_asked_for() {
    for overlay in OVERLAYS {
        let expected = match overlay {
            "statistics" => json!(["BPF", "PERFMON", "NET_ADMIN", "SYS_ADMIN"]),
            _ => json!(["BPF", "PERFMON", "NET_ADMIN"]),
        };
        assert_eq!(*added(&agent(overlay)), expected, "{overlay}");
    }
}

#[test]
fn no_pod_is_privileged_and_every_one_starts_from_nothing() {
    for overlay in OVERLAYS {
        for document in kustomized(&format!("overlays/{overlay}")) {
            let Some(pod) = document.pointer("/spec/template/spec") else { continue };
            assert_ne!(pod["hostPID"], json!(true), "{overlay}");
            assert_ne!(pod["hostIPC"], json!(true), "{overlay}");
            let seccomp = &pod["securityContext"]["seccompProfile"]["type"];
            assert_eq!(seccomp, "RuntimeDefault", "{overlay}");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["privileged"], json!(false), "{overlay}");
                assert_eq!(context["allowPrivilegeEscalation"], json!(false), "{overlay}");
                assert_eq!(context["readOnlyRootFilesystem"], json!(true), "{overlay}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{overlay}");
            }
        }
    }
}

/// Everything of the host is read-only, and nothing of it holds keys: no `/etc`, no `/var/lib`. The
/// only socket is Cilium's; one on a read-only mount still takes requests.
#[test]
fn the_agent_sees_the_host_through_read_only_mounts_one_by_one() {
    let pod = agent("least-privilege");
    let paths: Vec<&str> = pod["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["hostPath"]["path"].as_str().expect("every volume is a host path"))
        .collect();
    let allowed = [
        "/proc",
        "/sys",
        "/sys/fs/bpf",
        "/etc/os-release",
        "/etc/cni/net.d",
        "/opt/cni/bin",
        "/boot",
        "/lib/modules",
        "/run/cilium",
    ];
    assert_eq!(paths, allowed);
    for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
        assert_eq!(mount["readOnly"], json!(true), "{mount}");
        assert!(mount["mountPath"].as_str().unwrap().starts_with("/host/"), "{mount}");
    }
}

/// A Pending pod on every Fargate node is what a DaemonSet that tolerates everything leaves there.
#[test]
fn the_agent_stays_off_nodes_that_run_no_daemonset_and_on_all_others() {
    let pod = agent("eks");
    let affinity = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let terms = pod.pointer(affinity).unwrap()["nodeSelectorTerms"].as_array().unwrap();
    let expected = json!([
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]},
        {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet", "kwok"]},
    ]);
    assert_eq!(terms.len(), 1);
    assert_eq!(terms[0]["matchExpressions"], expected);
    assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]), "startup taints too");
}

#[test]
fn the_controller_has_no_right_on_its_node() {
    let documents = kustomized("overlays/least-privilege");
    let deployment = named(&documents, "Deployment", "bpfready-controller");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], json!(true));
    assert_eq!(*added(pod), Value::Null);
    assert_eq!(pod["volumes"], Value::Null);
    assert_ne!(pod["hostNetwork"], json!(true));
}
