//! Who owns things on a node: CNIs, policy agents, proxies, and programs that only look.

use crate::judge::report::Role;

/// An owner of links, programs, chains, sets, rules or routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Party {
    Cilium,
    AwsVpcCni,
    AwsPolicyAgent,
    Calico,
    Flannel,
    Kindnet,
    Antrea,
    OvnKubernetes,
    KubeOvn,
    KubeRouter,
    AzureCni,
    Gke,
    Weave,
    KubeProxy,
    ReferencePlugins,
    Multus,
    Istio,
    Linkerd,
    Retina,
    Beyla,
    InspektorGadget,
    NetObserv,
    NodeLocalDns,
    PodIdentity,
    AzureHelpers,
    OpenVswitch,
    NetworkManager,
}

impl Party {
    /// Its name in reports.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cilium => "cilium",
            Self::AwsVpcCni => "aws-vpc-cni",
            Self::AwsPolicyAgent => "aws-network-policy-agent",
            Self::Calico => "calico",
            Self::Flannel => "flannel",
            Self::Kindnet => "kindnet",
            Self::Antrea => "antrea",
            Self::OvnKubernetes => "ovn-kubernetes",
            Self::KubeOvn => "kube-ovn",
            Self::KubeRouter => "kube-router",
            Self::AzureCni => "azure-cni",
            Self::Gke => "gke",
            Self::Weave => "weave",
            Self::KubeProxy => "kube-proxy",
            Self::ReferencePlugins => "cni-plugins",
            Self::Multus => "multus",
            Self::Istio => "istio-cni",
            Self::Linkerd => "linkerd-cni",
            Self::Retina => "retina",
            Self::Beyla => "beyla",
            Self::InspektorGadget => "inspektor-gadget",
            Self::NetObserv => "netobserv",
            Self::NodeLocalDns => "node-local-dns",
            Self::PodIdentity => "eks-pod-identity-agent",
            Self::AzureHelpers => "aks-helpers",
            Self::OpenVswitch => "open-vswitch",
            Self::NetworkManager => "network-manager",
        }
    }

    /// What it is beside a datapath; `None`: it is one, or part of one.
    pub(super) fn role(self) -> Option<Role> {
        match self {
            Self::Multus | Self::Istio | Self::Linkerd => Some(Role::MetaPlugin),
            Self::Retina | Self::Beyla | Self::InspektorGadget | Self::NetObserv => {
                Some(Role::Observer)
            }
            Self::NodeLocalDns | Self::PodIdentity | Self::AzureHelpers => Some(Role::Neighbour),
            Self::Cilium
            | Self::AwsVpcCni
            | Self::AwsPolicyAgent
            | Self::Calico
            | Self::Flannel
            | Self::Kindnet
            | Self::Antrea
            | Self::OvnKubernetes
            | Self::KubeOvn
            | Self::KubeRouter
            | Self::AzureCni
            | Self::Gke
            | Self::Weave
            | Self::KubeProxy
            | Self::ReferencePlugins
            | Self::OpenVswitch
            | Self::NetworkManager => None,
        }
    }
}
