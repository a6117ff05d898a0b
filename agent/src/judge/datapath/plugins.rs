//! What a CNI configuration sets up, by the types of its plug-ins.

use super::party::Party;
use crate::facts::cni::{Network, Plugin};
use crate::judge::report::Cni;

/// Plug-ins that are called after another one and never carry packets (`cni-fingerprints.md` § 2.1).
const CHAINED_ONLY: &[&str] = &[
    "portmap",
    "bandwidth",
    "tuning",
    "firewall",
    "sbr",
    "vrf",
    "istio-cni",
    "linkerd-cni",
    "egress-cni",
];

/// What a network would do for a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// What would carry its packets.
    pub(super) cni: Cni,
    /// Types of the plug-ins that are really called, in order.
    pub(super) types: Vec<String>,
    /// Meta plug-ins among them, or around them.
    pub(super) meta: Vec<Party>,
}

/// Reads a network. `None`: a Multus whose own network is not known.
pub(super) fn read(path: &str, network: &Network) -> Option<Reading> {
    let plugins = network.unwrapped()?;
    let types = plugins.iter().map(|it| it.plugin_type.clone()).collect();
    let inner = inner(network);
    let name = inner.name.as_deref().unwrap_or_default();
    Some(Reading { cni: cni(path, name, &plugins), types, meta: meta(network, &plugins) })
}

/// The network that really sets up pods: that of the Multus, or the one itself.
fn inner(network: &Network) -> &Network {
    let delegate = network.plugins.iter().find_map(|it| it.delegate.as_ref());
    match delegate.and_then(|it| it.network.known()?.as_deref()) {
        Some(delegate) => inner(delegate),
        None => network,
    }
}

fn meta(network: &Network, plugins: &[&Plugin]) -> Vec<Party> {
    let has = |wanted: &str| plugins.iter().any(|it| it.plugin_type == wanted);
    let multus = network.plugins.iter().any(|it| is_multus(&it.plugin_type));
    [
        (multus, Party::Multus),
        (has("istio-cni"), Party::Istio),
        (has("linkerd-cni"), Party::Linkerd),
    ]
    .into_iter()
    .filter_map(|(there, party)| there.then_some(party))
    .collect()
}

/// Thin or thick.
pub(super) fn is_multus(plugin_type: &str) -> bool {
    matches!(plugin_type, "multus" | "multus-shim")
}

/// The plug-in that makes the pod's interface: the first that is not chained only.
pub(super) fn base<'a>(plugins: &[&'a Plugin]) -> Option<&'a Plugin> {
    plugins.iter().find(|it| !CHAINED_ONLY.contains(&it.plugin_type.as_str())).copied()
}

fn cni(path: &str, name: &str, plugins: &[&Plugin]) -> Cni {
    let Some(base) = base(plugins) else { return Cni::Unknown };
    let has = |wanted: &str| plugins.iter().any(|it| it.plugin_type == wanted);
    if has("cilium-cni") {
        return with_cilium(name, base);
    }
    if has("antrea") {
        return Cni::Antrea;
    }
    match base.plugin_type.as_str() {
        "aws-cni" => Cni::AwsVpcCni,
        "calico" if is_canal(path, base) => Cni::Canal,
        "calico" => Cni::Calico,
        "flannel" => Cni::Flannel,
        "cni-kindnet" => Cni::Kindnet,
        "ptp" if name == "kindnet" => Cni::Kindnet,
        "ovn-k8s-cni-overlay" => Cni::OvnKubernetes,
        "kube-ovn" => Cni::KubeOvn,
        "bridge" if setting(base, "bridge") == Some("kube-bridge") => Cni::KubeRouter,
        "bridge" => Cni::Bridge,
        "weave-net" => Cni::Weave,
        "azure-vnet" => Cni::AzureCni,
        _ => Cni::Unknown,
    }
}

/// Cilium by itself, or last in a chain.
fn with_cilium(name: &str, base: &Plugin) -> Cni {
    let azure = matches!(base.ipam.as_deref(), Some("azure-ipam" | "azure-cns"));
    match base.plugin_type.as_str() {
        "aws-cni" => Cni::AwsVpcCniCilium,
        "azure-vnet" => Cni::AzureCniCilium,
        "cilium-cni" if azure => Cni::AzureCniCilium,
        "ptp" if name == "gke-pod-network" => Cni::GkeDataplaneV2,
        _ => Cni::Cilium,
    }
}

/// Canal's Calico takes its addresses from the node's pod CIDR; its file is named after it.
fn is_canal(path: &str, base: &Plugin) -> bool {
    path.contains("canal") && base.ipam.as_deref() == Some("host-local")
}

/// Whose link a plug-in makes; nobody's that is known, or it makes none.
pub(super) fn makers(plugin_type: &str) -> &'static [Party] {
    match plugin_type {
        "aws-cni" => &[Party::AwsVpcCni],
        "calico" => &[Party::Calico],
        "flannel" => &[Party::Flannel, Party::ReferencePlugins],
        "bridge" | "ptp" => &[Party::ReferencePlugins],
        "azure-vnet" => &[Party::AzureCni],
        "antrea" => &[Party::Antrea, Party::OpenVswitch],
        "ovn-k8s-cni-overlay" => &[Party::OvnKubernetes, Party::OpenVswitch],
        "kube-ovn" => &[Party::KubeOvn, Party::OpenVswitch],
        "weave-net" => &[Party::Weave, Party::OpenVswitch],
        _ => &[],
    }
}

/// A setting of a plug-in.
pub(super) fn setting<'a>(plugin: &'a Plugin, key: &str) -> Option<&'a str> {
    plugin.settings.get(key).map(String::as_str)
}

/// Whether an aws-cni configuration names this prefix for its host links; `eni` is its default.
pub(super) fn veth_prefix(network: &Network) -> Option<String> {
    let plugins = network.unwrapped()?;
    let aws = plugins.iter().find(|it| it.plugin_type == "aws-cni")?;
    setting(aws, "vethPrefix").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::datapath::tests::host::network;

    #[track_caller]
    fn expect(path: &str, name: &str, types: &[&str], cni: Cni) {
        assert_eq!(read(path, &network(name, types)).unwrap().cni, cni, "{path}: {types:?}");
    }

    /// The table of `cni-fingerprints.md` § 2.1.
    #[test]
    fn each_default_configuration_names_its_datapath() {
        expect("10-aws.conflist", "aws-cni", &["aws-cni", "egress-cni", "portmap"], Cni::AwsVpcCni);
        expect("10-calico.conflist", "k8s-pod-network", &["calico", "portmap"], Cni::Calico);
        expect(
            "10-canal.conflist",
            "k8s-pod-network",
            &["calico/host-local", "portmap"],
            Cni::Canal,
        );
        expect("10-flannel.conflist", "cbr0", &["flannel", "portmap"], Cni::Flannel);
        expect("10-kindnet.conflist", "kindnet", &["ptp/host-local", "portmap"], Cni::Kindnet);
        expect("10-kindnet.conflist", "kindnet", &["cni-kindnet"], Cni::Kindnet);
        expect("10-antrea.conflist", "antrea", &["antrea", "portmap", "bandwidth"], Cni::Antrea);
        expect("05-antrea.conflist", "aws-cni", &["aws-cni", "portmap", "antrea"], Cni::Antrea);
        expect(
            "10-ovn-kubernetes.conf",
            "ovn-kubernetes",
            &["ovn-k8s-cni-overlay"],
            Cni::OvnKubernetes,
        );
        expect("01-kube-ovn.conflist", "kube-ovn", &["kube-ovn", "portmap"], Cni::KubeOvn);
        expect("10-weave.conflist", "weave", &["weave-net", "portmap"], Cni::Weave);
        expect(
            "10-azure.conflist",
            "azure",
            &["azure-vnet/azure-vnet-ipam", "portmap"],
            Cni::AzureCni,
        );
        expect("87-podman.conflist", "podman", &["bridge/host-local", "firewall"], Cni::Bridge);
    }

    #[test]
    fn cilium_is_told_by_itself_and_in_chains() {
        expect("05-cilium.conflist", "cilium", &["cilium-cni"], Cni::Cilium);
        expect("05-cilium.conflist", "cilium", &["cilium-cni", "portmap"], Cni::Cilium);
        expect("05-cilium.conflist", "cilium", &["cilium-cni/azure-ipam"], Cni::AzureCniCilium);
        let chain = ["aws-cni", "egress-cni", "portmap", "cilium-cni"];
        expect("05-cilium.conflist", "aws-cni", &chain, Cni::AwsVpcCniCilium);
        let azure = ["azure-vnet", "cilium-cni"];
        expect("05-azure-chained-cilium.conflist", "azure", &azure, Cni::AzureCniCilium);
        let gke = ["ptp/host-local", "portmap", "bandwidth", "cilium-cni"];
        expect("10-gke-ptp.conflist", "gke-pod-network", &gke, Cni::GkeDataplaneV2);
        expect("05-cilium.conflist", "cbr0", &["flannel", "cilium-cni"], Cni::Cilium);
    }

    #[test]
    fn a_copy_with_istio_at_its_end_is_still_what_it_copies() {
        let types = ["aws-cni", "egress-cni", "portmap", "istio-cni"];
        let reading = read("02-istio-cni.conflist", &network("aws-cni", &types)).unwrap();
        assert_eq!((reading.cni, reading.meta), (Cni::AwsVpcCni, vec![Party::Istio]));
    }

    #[test]
    fn a_type_that_nobody_knows_is_unknown() {
        expect("10-x.conflist", "x", &["dra-net"], Cni::Unknown);
        expect("10-x.conflist", "x", &["portmap"], Cni::Unknown);
    }
}
