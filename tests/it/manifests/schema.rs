//! Every document is one that Kubernetes' own types describe, without a field that they do not know.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::{OVERLAYS, kustomized, title};

/// Why a document is not one of its kind.
pub(super) fn complaint(document: &Value) -> Option<String> {
    match document["kind"].as_str()? {
        "ClusterRole" => strict::<ClusterRole>(document),
        "ClusterRoleBinding" => strict::<ClusterRoleBinding>(document),
        "ConfigMap" => strict::<ConfigMap>(document),
        "DaemonSet" => strict::<DaemonSet>(document),
        "Deployment" => strict::<Deployment>(document),
        "Namespace" => strict::<Namespace>(document),
        "NetworkPolicy" => strict::<NetworkPolicy>(document),
        "PodDisruptionBudget" => strict::<PodDisruptionBudget>(document),
        "Role" => strict::<Role>(document),
        "RoleBinding" => strict::<RoleBinding>(document),
        "Secret" => strict::<Secret>(document),
        "Service" => strict::<Service>(document),
        "ServiceAccount" => strict::<ServiceAccount>(document),
        "ValidatingAdmissionPolicy" => strict::<ValidatingAdmissionPolicy>(document),
        "ValidatingAdmissionPolicyBinding" => strict::<ValidatingAdmissionPolicyBinding>(document),
        other => super::examples::custom(other, document),
    }
}

/// Read as the type and written again, nothing is lost.
fn strict<T: DeserializeOwned + Serialize>(document: &Value) -> Option<String> {
    match serde_json::from_value::<T>(document.clone()) {
        Err(error) => Some(error.to_string()),
        Ok(typed) => lost(document, &serde_json::to_value(typed).unwrap(), ""),
    }
}

/// The first path of `before` that is not in `after`.
fn lost(before: &Value, after: &Value, path: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().find_map(|(key, value)| {
            let path = format!("{path}/{key}");
            match after.get(key) {
                Some(it) => lost(value, it, &path),
                None => Some(format!("{path} is not a field")),
            }
        }),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let pairs = before.iter().zip(after).enumerate();
            pairs.filter_map(|(n, (a, b))| lost(a, b, &format!("{path}/{n}"))).next()
        }
        (before, after) if before == after => None,
        (before, after) => Some(format!("{path} is {before} and became {after}")),
    }
}

#[test]
fn every_document_is_strictly_one_of_its_kind() {
    for folder in OVERLAYS.map(|it| format!("overlays/{it}")) {
        for document in kustomized(&folder) {
            assert_eq!(complaint(&document), None, "{folder}: {}", title(&document));
        }
    }
}

#[test]
fn a_misspelt_field_is_found() {
    let document = serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 1, "targetport": 2}]},
    });
    assert_eq!(complaint(&document).unwrap(), "/spec/ports/0/targetport is not a field");
}
