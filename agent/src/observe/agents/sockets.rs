//! Unix sockets of agents and runtimes: whether there is one, and whether somebody listens.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::facts::agents::SocketState;
use crate::observe::Host;
use crate::observe::local::{self, Address, Reply};

/// Each socket by its path, and by the one of hosts and containers without the link `/var/run`.
const SOCKETS: &[(&str, &str)] = &[
    ("/run/cilium/cilium.sock", "/var/run/cilium/cilium.sock"),
    ("/run/cilium/hubble.sock", "/var/run/cilium/hubble.sock"),
    ("/run/cilium/health.sock", "/var/run/cilium/health.sock"),
    ("/run/aws-node/ipamd.sock", "/var/run/aws-node/ipamd.sock"),
    ("/run/aws-node/npa.sock", "/var/run/aws-node/npa.sock"),
    ("/run/calico/bird.ctl", "/var/run/calico/bird.ctl"),
    ("/run/antrea/cni.sock", "/var/run/antrea/cni.sock"),
    ("/run/openvswitch/db.sock", "/var/run/openvswitch/db.sock"),
    ("/run/openvswitch/kube-ovn-daemon.sock", "/var/run/openvswitch/kube-ovn-daemon.sock"),
    (
        "/run/ovn-kubernetes/cni/ovn-cni-server.sock",
        "/var/run/ovn-kubernetes/cni/ovn-cni-server.sock",
    ),
    ("/run/multus/multus.sock", "/var/run/multus/multus.sock"),
    ("/run/istio-cni/pluginevent.sock", "/var/run/istio-cni/pluginevent.sock"),
    ("/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"),
    ("/run/k3s/containerd/containerd.sock", "/var/run/k3s/containerd/containerd.sock"),
    ("/run/crio/crio.sock", "/var/run/crio/crio.sock"),
];

/// Every socket of the table. Connecting to a Unix socket never waits here.
pub(super) fn sockets(host: &Host) -> BTreeMap<String, Observed<SocketState>> {
    let live = || SOCKETS.iter().map(|it| (it.0.to_owned(), socket(host, *it))).collect();
    host.ask("agent_sockets", live, |failure| {
        let unknown = |it: &(&str, &str)| (it.0.to_owned(), Observed::Unknown(failure.clone()));
        SOCKETS.iter().map(unknown).collect()
    })
}

fn socket(host: &Host, (path, other): (&'static str, &'static str)) -> Observed<SocketState> {
    let addresses = [Address::Unix(path), Address::Unix(other)];
    local::any_of(&addresses, |it| local::connect(host, it)).map(|it| match it {
        Reply::Said(()) => SocketState::Listening,
        Reply::NobodyListens => SocketState::Abandoned,
        Reply::NoSocket => SocketState::Absent,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn a_socket_is_listened_on_abandoned_or_absent() {
        let (dir, host) = host(|root| {
            std::fs::create_dir_all(root.join("run/cilium")).unwrap();
            std::fs::create_dir_all(root.join("var/run/crio")).unwrap();
            std::fs::create_dir_all(root.join("run/antrea")).unwrap();
        });
        let bind = |path: &str| UnixListener::bind(dir.path().join(path)).unwrap();
        drop(bind("run/cilium/cilium.sock"));
        let _alive = bind("run/cilium/hubble.sock");
        let _other = bind("var/run/crio/crio.sock");
        let seen = sockets(&host);
        let state = |path: &str| *seen[path].known().unwrap();
        assert_eq!(state("/run/cilium/cilium.sock"), SocketState::Abandoned);
        assert_eq!(state("/run/cilium/hubble.sock"), SocketState::Listening);
        assert_eq!(state("/run/crio/crio.sock"), SocketState::Listening);
        assert_eq!(state("/run/antrea/cni.sock"), SocketState::Absent);
        // Neither its folder nor the host's /run is mounted in this root.
        let unseen = seen["/run/aws-node/ipamd.sock"].failure().unwrap();
        assert_eq!(unseen.cause, crate::facts::Cause::Prerequisite);
    }
}
