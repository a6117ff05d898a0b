//! One look at a cluster, by its API server.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::discovery::{self, Served};
use super::kinds::{CILIUM_CONFIG, FARGATE_WEBHOOK, Selection};
use super::list::Reader;
use crate::facts::Observed;
use crate::facts::cluster::cilium::{self, CiliumConfig, CiliumNode, Crd};
use crate::facts::cluster::karpenter::{self, NodePool};
use crate::facts::cluster::text::{Interner, Trim};
use crate::facts::cluster::workload::{Deployment, NetworkPolicy};
use crate::facts::cluster::{Cluster, Pod, Text};

/// Reads everything once. Never fails as a whole: a part that could not be read says why.
///
/// `now`: seconds since the Unix epoch.
pub async fn read(reader: &Reader, interner: &mut Interner, now: u64) -> Cluster {
    let nodes = reader.list(&Selection::nodes(), interner, |_| true).await;
    let fargate_pods = reader.list(&Selection::fargate_pods(), interner, |_| true).await;
    let pending = Selection::pending_pods();
    let pending_pods = reader.list(&pending, interner, Pod::is_of_daemon_set).await;
    let cilium_pods = reader.list(&Selection::cilium_pods(), interner, |_| true).await;
    let vpc_cni_pods = reader.list(&Selection::vpc_cni_pods(), interner, |_| true).await;
    let agent_pods = reader.list(&Selection::agent_pods(), interner, |_| true).await;
    Cluster {
        nodes,
        fargate_pods,
        pending_pods,
        cilium_pods,
        vpc_cni_pods,
        agent_pods,
        ..rest(reader, interner, now).await
    }
}

/// Everything but nodes and pods, which are empty here: a controller watches them. There is a pod of
/// each CNI and of ours on every node, so reading them again and again would be most of what the
/// API server does for it.
pub async fn rest(reader: &Reader, interner: &mut Interner, now: u64) -> Cluster {
    let served = discovery::groups(reader).await;
    Cluster {
        taken_at_seconds: now,
        version: version(reader).await,
        nodes: Observed::Known(Vec::new()),
        fargate_pods: Observed::Known(Vec::new()),
        pending_pods: Observed::Known(Vec::new()),
        cilium_pods: Observed::Known(Vec::new()),
        vpc_cni_pods: Observed::Known(Vec::new()),
        agent_pods: Observed::Known(Vec::new()),
        daemon_sets: reader.list(&Selection::daemon_sets(), interner, |_| true).await,
        deployments: reader.list(&Selection::deployments(), interner, Deployment::is_judged).await,
        network_policies: network_policies(reader, interner, &served).await,
        crds: reader.list(&Selection::crds(), interner, is_judged).await,
        node_pools: node_pools(reader, interner, &served).await,
        node_claims: custom(reader, interner, &served, (karpenter::GROUP, "nodeclaims")).await,
        cilium_nodes: cilium_nodes(reader, interner, &served).await,
        cilium_node_configs: custom(
            reader,
            interner,
            &served,
            (cilium::GROUP, "ciliumnodeconfigs"),
        )
        .await,
        cilium_config: reader.get::<CiliumConfig>(CILIUM_CONFIG).await.into(),
        fargate_webhook: Observed::from(reader.get::<Name>(FARGATE_WEBHOOK).await)
            .map(|it| it.is_some()),
        served,
    }
}

/// An object of which nothing is needed but that it is there.
#[derive(Deserialize)]
struct Name {}

fn is_judged(crd: &Crd) -> bool {
    crd.is_of(cilium::GROUP) || crd.is_of(karpenter::GROUP)
}

async fn version(reader: &Reader) -> Observed<Text> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: Text,
    }
    let version: Result<Option<Version>, _> = reader.get("/version").await;
    Observed::from(version).map(|it| it.map(|it| it.git_version).unwrap_or_default())
}

type GroupKind<'a> = (&'a str, &'a str);

/// All objects of a kind that need not be served.
async fn custom<T: DeserializeOwned + Trim>(
    reader: &Reader,
    interner: &mut Interner,
    served: &Observed<Served>,
    (group, plural): GroupKind<'_>,
) -> Observed<Option<Vec<T>>> {
    let version = discovery::version_of(reader, served, group, plural).await;
    if_served(version, async |version| {
        reader.list(&Selection::custom(&version, plural), interner, |_| true).await
    })
    .await
}

/// What `read` says of a kind in the version in which it is served; `Known(None)`: it is not.
async fn if_served<T>(
    version: Observed<Option<String>>,
    read: impl AsyncFnOnce(String) -> Observed<T>,
) -> Observed<Option<T>> {
    match version {
        Observed::Known(Some(version)) => read(version).await.map(Some),
        Observed::Known(None) => Observed::Known(None),
        Observed::Unknown(failure) => Observed::Unknown(failure),
    }
}

/// NodePools know in which version they were read: the items of a list do not say it.
async fn node_pools(
    reader: &Reader,
    interner: &mut Interner,
    served: &Observed<Served>,
) -> Observed<Option<Vec<NodePool>>> {
    let version = discovery::version_of(reader, served, karpenter::GROUP, "nodepools").await;
    if_served(version, async |version| {
        let selection = Selection::custom(&version, "nodepools");
        let pools = reader.list(&selection, interner, |_| true).await;
        pools.map(|mut pools: Vec<NodePool>| {
            pools.iter_mut().for_each(|it| it.api_version = version.as_str().into());
            pools
        })
    })
    .await
}

/// Of CiliumNodes nothing is needed but which there are.
async fn cilium_nodes(
    reader: &Reader,
    interner: &mut Interner,
    served: &Observed<Served>,
) -> Observed<Option<Vec<CiliumNode>>> {
    let version = discovery::version_of(reader, served, cilium::GROUP, "ciliumnodes").await;
    if_served(version, async |version| {
        let selection = Selection::custom_metadata(&version, "ciliumnodes");
        reader.list(&selection, interner, |_| true).await
    })
    .await
}

/// Policies of Kubernetes and of Cilium together; one kind that cannot be read makes all unknown,
/// because a policy that was not seen may select anything.
async fn network_policies(
    reader: &Reader,
    interner: &mut Interner,
    served: &Observed<Served>,
) -> Observed<Vec<NetworkPolicy>> {
    let all = reader.list(&Selection::network_policies(), interner, |_| true).await;
    let Observed::Known(mut all) = all else { return all };
    named(&mut all, "NetworkPolicy");
    for (plural, kind) in [
        ("ciliumnetworkpolicies", "CiliumNetworkPolicy"),
        ("ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
    ] {
        match custom::<NetworkPolicy>(reader, interner, served, (cilium::GROUP, plural)).await {
            Observed::Known(more) => {
                let mut more = more.unwrap_or_default();
                named(&mut more, kind);
                all.extend(more);
            }
            Observed::Unknown(failure) => return Observed::Unknown(failure),
        }
    }
    Observed::Known(all)
}

fn named(policies: &mut [NetworkPolicy], kind: &str) {
    let kind = Text::from(kind);
    for policy in policies {
        policy.kind = kind.clone();
    }
}
