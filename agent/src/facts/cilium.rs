//! What a running Cilium agent says of itself over its socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The parts of `GET /v1/healthz` (`StatusResponse` of Cilium's API) that a verdict may rest on.
///
/// Every text is Cilium's own word. `None`: this agent's release does not say, which is never a
/// "no".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiliumStatus {
    /// `cilium.state`: `Ok`, `Warning`, `Failure` or `Disabled`.
    pub state: Option<String>,
    /// `cilium.msg`, with the version in it: `1.17.3   (v1.17.3-…)`.
    pub message: Option<String>,
    /// `datapath-mode`: `veth`, `netkit`, `netkit-l2`.
    pub datapath_mode: Option<String>,
    /// `attach-mode`: `tc` or `tcx`; since Cilium 1.16.
    pub attach_mode: Option<String>,
    /// `routing.inter-host-routing-mode`: `Native` or `Tunnel`.
    pub inter_host_routing: Option<String>,
    /// `routing.intra-host-routing-mode`: `BPF` or `Legacy`.
    pub intra_host_routing: Option<String>,
    /// `routing.tunnel-protocol`: `vxlan`, `geneve`.
    pub tunnel_protocol: Option<String>,
    /// `kube-proxy-replacement.mode`: `True` or `False`.
    pub kube_proxy_replacement: Option<String>,
    /// `kube-proxy-replacement.features.NAME.enabled`, by name: `socketLB`, `nodePort`, …
    pub kube_proxy_features: BTreeMap<String, bool>,
    /// `kube-proxy-replacement.features.nodePort.acceleration`: `Disabled`, `Native`, …
    pub xdp_acceleration: Option<String>,
    /// `masquerading.mode`: `BPF` or `iptables`; where `masquerading.enabled` is false: `Disabled`.
    pub masquerading: Option<String>,
    /// `encryption.mode`: `Disabled`, `IPsec`, `Wireguard`, `Ztunnel`.
    pub encryption: Option<String>,
    /// `host-firewall.mode`.
    pub host_firewall: Option<String>,
    /// `bandwidth-manager.enabled`; the agent leaves `false` out, so absent in a part that is
    /// there is `false`.
    pub bandwidth_manager: Option<bool>,
    /// `hubble.state`.
    pub hubble: Option<String>,
    /// `proxy.envoy-deployment-mode`: `embedded` or `external`; `None` also: no L7 proxy.
    pub envoy: Option<String>,
    /// `proxy.total-redirects`: L7 redirects that are in use.
    pub redirects: Option<u64>,
    /// Names of `proxy.redirects`; those of the DNS proxy hold `dns`.
    pub redirect_names: Vec<String>,
    /// `cni-chaining.mode`: `none`, `aws-cni`, `generic-veth`, `portmap`, `flannel`.
    pub cni_chaining: Option<String>,
    /// `cni-file.state`: whether the agent wrote its CNI configuration.
    pub cni_file: Option<String>,
    /// `ipam.allocations`: address to owner (`router`, `health`, `namespace/pod`), of at most
    /// 1,024 addresses.
    pub allocations: BTreeMap<String, String>,
    /// `kubernetes.state`.
    pub kubernetes: Option<String>,
    /// Controllers whose last run failed, by name.
    pub failing_controllers: Vec<String>,
    /// Parts whose own status is old (`stale`), by name.
    pub stale: Vec<String>,
}
