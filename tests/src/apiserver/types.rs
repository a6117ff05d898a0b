//! Which resources are served: the built-in ones, and what CustomResourceDefinitions add.

use std::sync::Arc;

use serde_json::Value;

/// One served resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty for the core group.
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub namespaced: bool,
    pub short_names: Vec<String>,
    pub subresources: Vec<String>,
    /// From a CustomResourceDefinition.
    pub custom: bool,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            return self.version.clone();
        }
        format!("{}/{}", self.group, self.version)
    }

    /// Where the objects lie: versions of one resource, and events of both groups, are one.
    pub(super) fn shelf(&self) -> (&str, &str) {
        match (self.group.as_str(), self.plural.as_str()) {
            ("events.k8s.io", "events") => ("", "events"),
            shelf => shelf,
        }
    }

    pub(super) fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|it| it == subresource)
    }

    /// Asked and answered, never stored.
    pub(super) fn is_review(&self) -> bool {
        self.kind.ends_with("Review")
    }

    pub(super) fn verbs(&self) -> &'static [&'static str] {
        if self.is_review() {
            return &["create"];
        }
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }

    /// Whether a field selector may name `field`.
    pub(super) fn selects(&self, field: &str) -> bool {
        if field == "metadata.name" || (field == "metadata.namespace" && self.namespaced) {
            return true;
        }
        let (group, plural) = self.shelf();
        let fields: &[&str] = match (group, plural) {
            ("", "nodes") => &["spec.unschedulable"],
            ("", "pods") => POD_FIELDS,
            ("", "events") => EVENT_FIELDS,
            ("", "secrets") => &["type"],
            ("", "namespaces") => &["status.phase"],
            _ => &[],
        };
        fields.contains(&field)
    }
}

const POD_FIELDS: &[&str] = &[
    "spec.hostNetwork",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
];

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.apiVersion",
    "involvedObject.fieldPath",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.resourceVersion",
    "involvedObject.uid",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

/// Group, version, kind, plural, namespaced, short names, subresources; lists by comma.
type Row =
    (&'static str, &'static str, &'static str, &'static str, bool, &'static str, &'static str);

const BUILT_IN: &[Row] = &[
    ("", "v1", "Node", "nodes", false, "no", "status"),
    ("", "v1", "Pod", "pods", true, "po", "status"),
    ("", "v1", "Event", "events", true, "ev", ""),
    ("", "v1", "Namespace", "namespaces", false, "ns", "status"),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, "sa", "token"),
    ("", "v1", "ConfigMap", "configmaps", true, "cm", ""),
    ("", "v1", "Secret", "secrets", true, "", ""),
    ("", "v1", "Service", "services", true, "svc", "status"),
    ("", "v1", "Endpoints", "endpoints", true, "ep", ""),
    ("events.k8s.io", "v1", "Event", "events", true, "ev", ""),
    ("coordination.k8s.io", "v1", "Lease", "leases", true, "", ""),
    ("apps", "v1", "DaemonSet", "daemonsets", true, "ds", "status"),
    ("apps", "v1", "Deployment", "deployments", true, "deploy", "status"),
    ("apps", "v1", "ReplicaSet", "replicasets", true, "rs", "status"),
    ("apps", "v1", "StatefulSet", "statefulsets", true, "sts", "status"),
    ("batch", "v1", "Job", "jobs", true, "", "status"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, "", ""),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, "netpol", ""),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, "pdb", "status"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, "", ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, "", ""),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true, "", ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, "", ""),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        false,
        "",
        "",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
        "",
        "status",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
        "",
        "",
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
        "crd",
        "status",
    ),
    ("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", false, "", ""),
    ("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", false, "", ""),
    (
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        false,
        "",
        "",
    ),
];

/// What every API server of ours serves.
pub(super) fn built_in() -> Vec<Arc<Resource>> {
    BUILT_IN.iter().map(|row| Arc::new(resource(row))).collect()
}

fn resource(row: &Row) -> Resource {
    let (group, version, kind, plural, namespaced, short, subresources) = *row;
    let split = |text: &str| {
        text.split(',').filter(|it| !it.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    Resource {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        namespaced,
        short_names: split(short),
        subresources: split(subresources),
        custom: false,
    }
}

/// What a CustomResourceDefinition makes the server serve: its served versions.
pub(super) fn from_definition(definition: &Value) -> Vec<Arc<Resource>> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let served = versions.iter().filter(|it| it["served"] == true);
    let short = names["shortNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    served
        .map(|version| {
            let subresources = version["subresources"].as_object();
            Arc::new(Resource {
                group: text(&spec["group"]),
                version: text(&version["name"]),
                kind: text(&names["kind"]),
                plural: text(&names["plural"]),
                namespaced: spec["scope"] == "Namespaced",
                short_names: short.iter().map(&text).collect(),
                subresources: subresources.into_iter().flat_map(|it| it.keys().cloned()).collect(),
                custom: true,
            })
        })
        .collect()
}
