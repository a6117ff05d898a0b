//! The manifests: what `kubectl kustomize` and `helm template` make of them, without a cluster.

mod agree;
mod api_server;
mod documents;
mod examples;
mod kubectl;
mod mounts;
mod openshift;
mod pages;
mod pods;
mod policies;
mod processes;
mod rights;
mod schema;

pub(crate) use documents::kustomized;

/// The pod of the default DaemonSet.
pub(crate) fn daemonset() -> serde_json::Value {
    let documents = kustomized("overlays/least-privilege");
    let it = documents::named(&documents, "DaemonSet", "bpfready-agent");
    it["spec"]["template"]["spec"].clone()
}
