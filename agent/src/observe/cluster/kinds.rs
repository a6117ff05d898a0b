//! What is asked of the API server: paths and selectors.

/// Where objects are, which of them, and how many a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Path of the collection.
    pub path: String,
    /// Label selector; empty: all.
    pub labels: &'static str,
    /// Field selector; empty: all.
    pub fields: &'static str,
    /// Objects a page: a megabyte or two, as an object is before it is trimmed. An answer is held
    /// whole, and twice while it is put together.
    pub page: u32,
    /// Only `metadata` is needed.
    pub metadata_only: bool,
}

impl Selection {
    fn new(path: &str, page: u32) -> Self {
        Self { path: path.to_owned(), labels: "", fields: "", page, metadata_only: false }
    }

    fn labels(self, labels: &'static str) -> Self {
        Self { labels, ..self }
    }

    /// The namespace that the path names; `None`: all.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.path.split_once("/namespaces/")?.1.split('/').next()
    }

    /// Nodes; each has 10 to 20 KB, most of it names of images.
    pub fn nodes() -> Self {
        Self::new("/api/v1/nodes", 100)
    }

    /// Fargate pods, by the label that AWS' own controllers know them by.
    pub fn fargate_pods() -> Self {
        Self::new("/api/v1/pods", 250).labels("eks.amazonaws.com/fargate-profile")
    }

    /// Pods that wait, wherever. The server looks at every pod for this, so it is asked once and then
    /// watched.
    pub fn pending_pods() -> Self {
        Self { fields: "status.phase=Pending", ..Self::new("/api/v1/pods", 250) }
    }

    /// Pods of Cilium's agent.
    pub fn cilium_pods() -> Self {
        Self::new("/api/v1/pods", 250).labels("k8s-app=cilium")
    }

    /// Pods of the AWS VPC CNI.
    pub fn vpc_cni_pods() -> Self {
        Self::new("/api/v1/namespaces/kube-system/pods", 250).labels("k8s-app=aws-node")
    }

    /// Pods of our own agent.
    pub fn agent_pods() -> Self {
        Self::new("/api/v1/pods", 250)
            .labels("app.kubernetes.io/name=bpfready,app.kubernetes.io/component=agent")
    }

    /// DaemonSets.
    pub fn daemon_sets() -> Self {
        Self::new("/apis/apps/v1/daemonsets", 250)
    }

    /// Deployments.
    pub fn deployments() -> Self {
        Self::new("/apis/apps/v1/deployments", 250)
    }

    /// NetworkPolicies of Kubernetes.
    pub fn network_policies() -> Self {
        Self::new("/apis/networking.k8s.io/v1/networkpolicies", 500)
    }

    /// CustomResourceDefinitions.
    pub fn crds() -> Self {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        Self { metadata_only: true, ..Self::new(path, 500) }
    }

    /// A kind that the API server serves in this version: `karpenter.sh/v1`, `nodepools`.
    pub fn custom(api_version: &str, plural: &str) -> Self {
        Self::new(&format!("/apis/{api_version}/{plural}"), 250)
    }

    /// As [`Self::custom`], of which only `metadata` is needed.
    pub fn custom_metadata(api_version: &str, plural: &str) -> Self {
        Self { metadata_only: true, ..Self::custom(api_version, plural) }
    }
}

/// Cilium's configuration.
pub(super) const CILIUM_CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/cilium-config";
/// The webhook that EKS makes with the first Fargate profile.
pub(super) const FARGATE_WEBHOOK: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/0500-amazon-eks-fargate-mutation.amazonaws.com";
