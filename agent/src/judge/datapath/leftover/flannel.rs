//! What Flannel leaves.

use super::{Left, chains, left, links, tables};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::report::Issue;

const LEFT: [Left; 2] = [
    Left {
        id: "flannel-chains-left",
        party: Party::Flannel,
        find: |story| [chains(story, &["FLANNEL-"]), tables(story, "flannel-ipv")].concat(),
        harms: true,
        message: "Flannel is gone and its chains still masquerade what pods send to other nodes (calico PR#12920)",
        remedy: "iptables -t nat -D POSTROUTING -j FLANNEL-POSTRTG, then -F and -X the FLANNEL- chains in nat and filter; nft delete table ip flannel-ipv4; or reboot the node.",
    },
    Left {
        id: "flannel-devices-left",
        party: Party::Flannel,
        find: |story| links(story, &["flannel.", "flannel-"]),
        harms: false,
        message: "links of a Flannel that is gone; their routes may lead pods' packets astray",
        remedy: "ip link del flannel.1; or reboot the node.",
    },
];

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    let bridge = bridge(story);
    LEFT.iter().filter_map(|it| left(story, it)).chain(bridge).collect()
}

/// The plug-ins' bridge without a port keeps the route of the pod network.
fn bridge(story: &Story<'_, '_>) -> Option<Issue> {
    let scene = story.scene;
    let bridge = scene.link("cni0").filter(|it| it.kind.as_deref() == Some("bridge"))?;
    let used = scene.ports(bridge) > 0 || story.is_in_use(Party::ReferencePlugins);
    let known = story.is_gone(Party::ReferencePlugins);
    (known && !used).then(|| {
        Issue::leftover("bridge-left", "cni-plugins", "the bridge cni0 has no port and keeps the route of a pod network (k3s, Flannel, bridge)")
            .remedy("ip link del cni0")
            .evidence(["cni0 is a bridge without ports".to_owned()])
    })
}
