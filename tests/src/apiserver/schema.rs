//! How lists and maps of the built-in types merge: what `x-kubernetes-list-type`,
//! `x-kubernetes-list-map-keys` and `x-kubernetes-map-type` say in the published OpenAPI document.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>;
//! what a type does not say is the default: maps are granular, lists are atomic.

/// How a field merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A map or struct: every key has its own owner.
    Granular,
    /// One value with one owner.
    Atomic,
    /// A list of objects; these keys tell them apart.
    Keyed(&'static [&'static str]),
    /// A list of scalars without repetition.
    Set,
}

/// The merge rules of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    fields: &'static [(&'static str, Shape)],
    /// Where a pod specification starts in this kind.
    pod: Option<&'static str>,
}

/// Paths are joined by dots; `[]` stands for one element of a list.
const METADATA: &[(&str, Shape)] = &[
    ("metadata.ownerReferences", Shape::Keyed(&["uid"])),
    ("metadata.ownerReferences.[]", Shape::Atomic),
    ("metadata.finalizers", Shape::Set),
];

const NODE: &[(&str, Shape)] = &[
    ("spec.podCIDRs", Shape::Set),
    ("status.conditions", Shape::Keyed(&["type"])),
    ("status.addresses", Shape::Keyed(&["type"])),
];

const EVENT: &[(&str, Shape)] = &[("involvedObject", Shape::Atomic), ("related", Shape::Atomic)];

const POD: &[(&str, Shape)] =
    &[("status.conditions", Shape::Keyed(&["type"])), ("status.podIPs", Shape::Keyed(&["ip"]))];

const WORKLOAD: &[(&str, Shape)] =
    &[("status.conditions", Shape::Keyed(&["type"])), ("spec.selector", Shape::Atomic)];

const POD_SPEC: &[(&str, Shape)] = &[
    ("containers", Shape::Keyed(&["name"])),
    ("initContainers", Shape::Keyed(&["name"])),
    ("containers.[].env", Shape::Keyed(&["name"])),
    ("containers.[].ports", Shape::Keyed(&["containerPort", "protocol"])),
    ("containers.[].volumeMounts", Shape::Keyed(&["mountPath"])),
    ("initContainers.[].env", Shape::Keyed(&["name"])),
    ("initContainers.[].volumeMounts", Shape::Keyed(&["mountPath"])),
    ("imagePullSecrets", Shape::Keyed(&["name"])),
    ("nodeSelector", Shape::Atomic),
    ("volumes", Shape::Keyed(&["name"])),
];

const SERVICE: &[(&str, Shape)] = &[
    ("spec.ports", Shape::Keyed(&["port", "protocol"])),
    ("spec.selector", Shape::Atomic),
    ("status.conditions", Shape::Keyed(&["type"])),
];

impl Schema {
    /// The rules of a built-in kind; of any other, what every object has.
    pub(super) fn of(group: &str, plural: &str) -> Self {
        let (fields, pod): (&'static [_], _) = match (group, plural) {
            ("", "nodes") => (NODE, None),
            ("" | "events.k8s.io", "events") => (EVENT, None),
            ("", "pods") => (POD, Some("spec")),
            ("", "services") => (SERVICE, None),
            ("apps", _) => (WORKLOAD, Some("spec.template.spec")),
            _ => (&[], None),
        };
        Self { fields, pod }
    }

    /// How the list or map at `path` merges.
    pub(super) fn shape(&self, path: &str, is_list: bool) -> Shape {
        let found = find(METADATA, path)
            .or_else(|| find(self.fields, path))
            .or_else(|| find(POD_SPEC, path.strip_prefix(self.pod?)?.strip_prefix('.')?));
        found.unwrap_or(if is_list { Shape::Atomic } else { Shape::Granular })
    }
}

fn find(table: &[(&str, Shape)], path: &str) -> Option<Shape> {
    table.iter().find(|(it, _)| *it == path).map(|(_, shape)| *shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_one_value_and_conditions_are_told_apart_by_type() {
        let node = Schema::of("", "nodes");
        assert_eq!(node.shape("spec.taints", true), Shape::Atomic);
        assert_eq!(node.shape("status.conditions", true), Shape::Keyed(&["type"]));
        assert_eq!(node.shape("metadata.labels", false), Shape::Granular);
    }

    #[test]
    fn a_pod_specification_merges_the_same_wherever_it_stands() {
        let ports = Shape::Keyed(&["containerPort", "protocol"]);
        assert_eq!(Schema::of("", "pods").shape("spec.containers.[].ports", true), ports);
        let path = "spec.template.spec.containers.[].ports";
        assert_eq!(Schema::of("apps", "daemonsets").shape(path, true), ports);
    }
}
