//! OpenShift's own admission: the example allows what the agent's pod asks for, and no more.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::documents::{file, named, templated_by};

fn example(name: &str) -> std::path::PathBuf {
    bpfready_tests::root().join("manifests/examples/openshift").join(name)
}

fn words(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

/// Fields of `SecurityContextConstraints`, openshift/api, `security/v1/types.go`.
#[test]
fn the_constraints_are_those_of_the_pod() {
    let constraints = file(&example("scc.yaml"));
    let [scc] = &constraints[..] else { panic!("{constraints:#?}") };
    assert_eq!(scc["apiVersion"], "security.openshift.io/v1");
    let documents = templated_by(&example("values.yaml"));
    let pod = &named(&documents, "DaemonSet", "bpfready-agent")["spec"]["template"]["spec"];
    let context = &pod["containers"][0]["securityContext"];
    let account = pod["serviceAccountName"].as_str().unwrap();
    assert_eq!(scc["users"], json!([format!("system:serviceaccount:bpfready:{account}")]));
    let of_scc = words(&scc["allowedCapabilities"]);
    assert_eq!(of_scc, words(&context["capabilities"]["add"]));
    assert_eq!(scc["requiredDropCapabilities"], context["capabilities"]["drop"]);
    assert_eq!(scc["allowPrivilegedContainer"], context["privileged"]);
    assert_eq!(scc["allowPrivilegeEscalation"], context["allowPrivilegeEscalation"]);
    assert_eq!(scc["readOnlyRootFilesystem"], context["readOnlyRootFilesystem"]);
    assert_eq!(scc["allowHostNetwork"], pod["hostNetwork"]);
    for (allowed, asked) in [("allowHostPID", "hostPID"), ("allowHostIPC", "hostIPC")] {
        assert_eq!(scc[allowed], pod[asked].as_bool().unwrap_or_default(), "{asked}");
    }
    let is_host_path = |it: &Value| it["hostPath"].is_object();
    assert!(pod["volumes"].as_array().unwrap().iter().all(is_host_path));
    assert_eq!(words(&scc["volumes"]), ["hostPath", "projected"].into());
    // Kubernetes says RuntimeDefault where OpenShift says runtime/default.
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(scc["seccompProfiles"], json!(["runtime/default"]));
}

#[test]
fn the_folders_of_cri_o_are_mounted_where_the_agent_looks() {
    let documents = templated_by(&example("values.yaml"));
    let pod = &named(&documents, "DaemonSet", "bpfready-agent")["spec"]["template"]["spec"];
    for (name, on_host, inside) in [
        ("cni", "/etc/kubernetes/cni/net.d", "/host/etc/cni/net.d"),
        ("cni-bin", "/var/lib/cni/bin", "/host/opt/cni/bin"),
    ] {
        let of =
            |list: &Value| list.as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
        assert_eq!(of(&pod["volumes"]).unwrap()["hostPath"]["path"], on_host);
        assert_eq!(of(&pod["containers"][0]["volumeMounts"]).unwrap()["mountPath"], inside);
    }
}
