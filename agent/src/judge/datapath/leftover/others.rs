//! What the other CNIs leave, and the plug-in `portmap`.

use super::{Left, chains, ipsets, left, links, tables};
use crate::judge::datapath::netfilter;
use crate::judge::datapath::next;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

const LEFT: [Left; 8] = [
    Left {
        id: "kindnet-rules-left",
        party: Party::Kindnet,
        find: |story| [chains(story, &["KIND-MASQ-AGENT"]), tables(story, "kindnet")].concat(),
        harms: true,
        message: "kindnet is gone and its rules still masquerade what pods send",
        remedy: "iptables -t nat -D POSTROUTING -j KIND-MASQ-AGENT, then -F and -X the chain; nft delete table each; or restart the node.",
    },
    Left {
        id: "antrea-rules-left",
        party: Party::Antrea,
        find: |story| {
            let sets = ipsets(story, &["ANTREA-"]);
            [chains(story, &["ANTREA-"]), tables(story, "antrea"), sets, links(story, &["antrea-"])]
                .concat()
        },
        harms: true,
        message: "Antrea is gone; its rules and links stay",
        remedy: "Run Antrea's clean-up DaemonSet (antrea.io/docs: hack/cleanup), or reboot the node.",
    },
    Left {
        id: "ovn-kubernetes-rules-left",
        party: Party::OvnKubernetes,
        find: |story| {
            [
                chains(story, &["OVN-KUBE-"]),
                tables(story, "ovn-kubernetes"),
                links(story, &["ovn-k8s-mp"]),
            ]
            .concat()
        },
        harms: true,
        message: "OVN-Kubernetes is gone; its rules and links stay",
        remedy: "ovs-vsctl del-br br-int, remove the OVN-KUBE chains; or reboot the node.",
    },
    Left {
        id: "kube-ovn-rules-left",
        party: Party::KubeOvn,
        find: |story| {
            let starts = [
                "OVN-PREROUTING",
                "OVN-POSTROUTING",
                "OVN-MASQUERADE",
                "OVN-NAT-POLICY",
                "OVN-OUTPUT",
            ];
            [
                chains(story, &starts),
                ipsets(story, &["ovn40", "ovn60"]),
                links(story, &["ovn0", "mirror0"]),
            ]
            .concat()
        },
        harms: true,
        message: "Kube-OVN is gone; its rules, sets and links stay",
        remedy: "Run Kube-OVN's dist/images/uninstall.sh on the node, or reboot it.",
    },
    Left {
        id: "kube-router-rules-left",
        party: Party::KubeRouter,
        find: |story| {
            let chains = chains(story, &["KUBE-ROUTER-", "KUBE-POD-FW-", "KUBE-NWPLCY-"]);
            [
                chains,
                ipsets(story, &["kube-router-"]),
                links(story, &["kube-bridge", "kube-dummy-if", "kube-tunnel-if"]),
            ]
            .concat()
        },
        harms: true,
        message: "kube-router is gone; its chains, sets and links stay",
        remedy: "kube-router --cleanup-config",
    },
    Left {
        id: "weave-rules-left",
        party: Party::Weave,
        find: |story| {
            [chains(story, &["WEAVE"]), links(story, &["weave", "vethwe", "vxlan-6784"])].concat()
        },
        harms: true,
        message: "Weave is gone; its bridge and chains stay",
        remedy: "weave reset --force; or reboot the node.",
    },
    Left {
        id: "azure-rules-left",
        party: Party::AzureCni,
        find: |story| [chains(story, &["AZURE-NPM", "SWIFT"]), links(story, &["azure0"])].concat(),
        harms: true,
        message: "Azure CNI or NPM is gone; its chains and links stay",
        remedy: "Reimage the node: AKS may refuse changes of iptables on it.",
    },
    Left {
        id: "netd-rules-left",
        party: Party::Gke,
        find: |story| chains(story, &["GCP-PREROUTING", "GCP-POSTROUTING"]),
        harms: false,
        message: "chains of GKE's netd on a node that is none of GKE's datapaths",
        remedy: "iptables -t mangle -F and -X each chain after removing the jumps.",
    },
];

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    LEFT.iter().filter_map(|it| left(story, it)).chain(portmap(story)).collect()
}

/// `portmap` removes a port's rules with the pod; after a change of CNI nobody does.
fn portmap(story: &Story<'_, '_>) -> Option<Issue> {
    let (path, reading) = story.next.taken.as_ref()?;
    // podman and nerdctl read the same folder, and call it for containers of their own.
    let others = next::networks(&story.scene.facts.cni);
    let called = reading.types.iter().any(|it| it == "portmap")
        || others.iter().any(|(_, it)| it.plugins.iter().any(|it| it.plugin_type == "portmap"));
    let found = chains(story, &["CNI-DN-", "CNI-HOSTPORT-DNAT"]);
    (!called && !found.is_empty()).then(|| {
        Issue::leftover("portmap-rules-left", "cni-plugins", "rules of the plug-in portmap stay, which is not called any more: host ports may lead to addresses that are gone")
            .harms()
            .remedy("iptables -t nat -F CNI-HOSTPORT-DNAT, and -F and -X the CNI-DN- chains; or reboot the node.")
            .evidence([netfilter::few(&found), format!("neither {path} nor a file beside it calls portmap")])
    })
}
