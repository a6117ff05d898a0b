//! Which datapaths this cluster has set up, as its objects say.

use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::fargate::FargateReport;
use super::measured::Measurements;
use super::nodes::NodeLine;
use crate::facts::Observed;
use crate::facts::cluster::cilium::GROUP;
use crate::facts::cluster::workload::DaemonSet;
use crate::facts::cluster::{Cluster, Text};
use crate::judge::report::{Release, Ternary};

/// What is set up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// A DaemonSet of Cilium.
    pub cilium: Ternary,
    /// Cilium's CRDs: of this or of an earlier installation.
    pub cilium_crds: Ternary,
    /// The release that the DaemonSet's image names; `None`: no tag that says it.
    pub cilium_release: Option<Release>,
    /// The release that the CRDs' schema version suggests.
    pub crd_release: Option<Release>,
    /// The CNI that Cilium is chained behind; `None`: none, or it could not be read.
    pub chained_behind: Option<Text>,
    /// The DaemonSet `aws-node`, wanted on at least one node, or a node of Auto Mode.
    pub vpc_cni: Ternary,
    /// Fargate nodes or pods.
    pub fargate: Ternary,
    /// Agents of ours: pods, or reports where no pods were listed.
    pub agents: usize,
}

pub(super) fn presence(
    cluster: &Cluster,
    nodes: &[NodeLine],
    fargate: &FargateReport,
    measurements: &Measurements,
) -> Presence {
    let cilium = cilium_daemon_set(cluster);
    let config = cluster.cilium_config.known().and_then(Option::as_ref);
    let chained = config.and_then(|it| it.data.get("cni-chaining-mode"));
    Presence {
        cilium: found(&cluster.daemon_sets, cilium.is_some()),
        cilium_crds: found(&cluster.crds, crds(cluster).next().is_some()),
        cilium_release: cilium.and_then(release),
        crd_release: crds(cluster).find_map(|it| {
            schema_release(it.metadata.labels.get("io.cilium.k8s.crd.schema.version")?)
        }),
        // With `portmap` Cilium is the first of the chain, and carries the packets itself.
        chained_behind: chained.filter(|it| !["none", "", "portmap"].contains(&&***it)).cloned(),
        vpc_cni: vpc_cni(cluster, nodes),
        fargate: fargate.present,
        agents: Cluster::known(&cluster.agent_pods).len().max(measurements.len()),
    }
}

/// The DaemonSet that runs Cilium's agent.
pub(super) fn cilium_daemon_set(cluster: &Cluster) -> Option<&DaemonSet> {
    let labelled = |it: &&DaemonSet| it.spec.template.metadata.labels.is("k8s-app", "cilium");
    Cluster::known(&cluster.daemon_sets).iter().find(labelled)
}

/// The DaemonSet that runs the AWS VPC CNI.
pub(super) fn vpc_cni_daemon_set(cluster: &Cluster) -> Option<&DaemonSet> {
    Cluster::known(&cluster.daemon_sets)
        .iter()
        .find(|it| it.metadata.name == "aws-node" && it.metadata.namespace == "kube-system")
}

fn crds(cluster: &Cluster) -> impl Iterator<Item = &crate::facts::cluster::cilium::Crd> {
    Cluster::known(&cluster.crds).iter().filter(|it| it.is_of(GROUP))
}

fn vpc_cni(cluster: &Cluster, nodes: &[NodeLine]) -> Ternary {
    let wanted =
        vpc_cni_daemon_set(cluster).is_some_and(|it| it.status.desired_number_scheduled > 0);
    let auto = nodes.iter().any(|it| it.compute == Compute::AutoMode);
    if auto { Ternary::Yes } else { found(&cluster.daemon_sets, wanted) }
}

fn found<T>(part: &Observed<T>, seen: bool) -> Ternary {
    match (part, seen) {
        (Observed::Known(_), true) => Ternary::Yes,
        (Observed::Known(_), false) => Ternary::No,
        (Observed::Unknown(_), _) => Ternary::Unknown,
    }
}

/// `quay.io/cilium/cilium:v1.18.1@sha256:…` → 1.18.
pub(super) fn release(daemon_set: &DaemonSet) -> Option<Release> {
    let images = daemon_set.spec.template.spec.containers.iter().map(|it| &it.image);
    images.filter_map(|it| tag_release(it)).next()
}

fn tag_release(image: &str) -> Option<Release> {
    let (_, tag) = image.split('@').next()?.rsplit('/').next()?.split_once(':')?;
    // A pre-release speaks of the minor it leads to: v1.20.0-pre.3.
    tag.split('-').next()?.parse().ok()
}

/// The minor release that a schema version of the CRDs suggests: read in `register.go` of several
/// cilium-cli tags; approximate for 1.17 to 1.20, so it only ever explains.
fn schema_release(version: &str) -> Option<Release> {
    let mut parts = version.split('.').map(|it| it.parse::<u16>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    let line = match (major, minor) {
        (1, 26 | 27) => 14,
        (1, 28) => 15,
        (1, 29) => 16,
        (1, 30) => 17,
        (1, 31) => 18,
        (1, 32 | 33) => 19,
        (1, 34) => 20,
        _ => return None,
    };
    Some(Release::one(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_that_of_the_images_tag() {
        for (image, minor) in [
            ("quay.io/cilium/cilium:v1.18.1@sha256:00", Some(18)),
            ("localhost:5000/cilium/cilium:v1.20.0-pre.3", Some(20)),
            ("quay.io/cilium/cilium-ci:latest", None),
            ("localhost:5000/cilium", None),
        ] {
            assert_eq!(tag_release(image), minor.map(Release::one), "{image}");
        }
    }

    #[test]
    fn cilium_is_chained_behind_a_cni_and_not_behind_portmap() {
        let behind = |mode: &str| {
            let config = serde_json::json!({"data": {"cni-chaining-mode": mode}});
            let mut cluster = crate::judge::cluster::sample::empty();
            cluster.cilium_config = Observed::Known(Some(serde_json::from_value(config).unwrap()));
            let policy = crate::judge::cluster::Policy::default();
            crate::judge::cluster::judge(&cluster, &Measurements::new(), &policy)
                .presence
                .chained_behind
        };
        assert_eq!(behind("aws-cni").as_deref(), Some("aws-cni"));
        for none in ["none", "", "portmap"] {
            assert_eq!(behind(none), None, "{none:?}");
        }
    }

    /// The three exact points of § 5.3 of the facts on Cilium.
    #[test]
    fn a_schema_version_suggests_a_release() {
        for (version, minor) in [("1.26.10", 14), ("1.28.1", 15), ("1.29.11", 16)] {
            assert_eq!(schema_release(version), Some(Release::one(minor)), "{version}");
        }
        assert_eq!(schema_release("2.0.0"), None);
    }
}
