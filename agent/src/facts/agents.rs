//! The network agents of this node: processes, sockets, health endpoints, systemd units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Failure, Observed};

/// Which network agents run here and what they say of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// Processes of known network agents, container runtimes and kubelets, by pid. `Unknown` with
    /// cause `prerequisite`: only the processes of our own pid namespace can be seen (a pod
    /// without `hostPID`), so that nothing follows from the absence of one.
    pub processes: Observed<Vec<Process>>,
    /// Unix sockets of known agents, by path on the host; every path that was looked at is there.
    pub sockets: BTreeMap<String, Observed<SocketState>>,
    /// Health and status endpoints of known agents; every one that was asked is there.
    pub endpoints: BTreeMap<Endpoint, Observed<Answer>>,
    /// systemd units of known agents, by name; `Unknown`: this root has no systemd to ask.
    pub units: Observed<BTreeMap<String, Unit>>,
    /// Whether files are there that agents write and leave, by path; `Unknown`: their folder is not
    /// in this root.
    #[serde(default)]
    pub files: BTreeMap<String, Observed<bool>>,
}

impl AgentFacts {
    /// Nothing could be told.
    pub fn unknown(failure: &Failure) -> Self {
        Self {
            processes: Observed::Unknown(failure.clone()),
            sockets: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            units: Observed::Unknown(failure.clone()),
            files: BTreeMap::new(),
        }
    }
}

/// One process of a known agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id in the host's pid namespace.
    pub pid: u32,
    /// `/proc/PID/comm`: the name, cut by the kernel at 15 characters.
    pub comm: String,
    /// Arguments that a verdict may rest on, by name without dashes (`proxy-mode`,
    /// `enable-network-policy`, …); all others are left out, since some hold secrets.
    pub flags: BTreeMap<String, String>,
    /// When it started, in seconds after boot (field 22 of proc_pid_stat(5)).
    pub started_after_boot_seconds: Option<u64>,
    /// Whether it is in the network namespace of the host's first process; `None`: could not be
    /// told. Agents of a machine within this one (kind, k3d) are not.
    #[serde(default)]
    pub in_host_network: Option<bool>,
}

/// A Unix socket's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketState {
    /// No such file on the host. A folder that is not mounted in our container is unknown instead.
    Absent,
    /// Somebody listens.
    Listening,
    /// The file is there and nobody listens (ECONNREFUSED): its maker is gone.
    Abandoned,
}

/// An endpoint of a known agent.
///
/// All are on this machine: loopback of the network namespace of this process, or a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Cilium agent: `GET /v1/healthz` on `/var/run/cilium/cilium.sock`.
    CiliumStatus,
    /// Cilium agent: `GET http://127.0.0.1:9879/healthz`, or `[::1]`; 200 or 503.
    CiliumHealthz,
    /// Cilium's Envoy: `GET http://127.0.0.1:9878/healthz`.
    CiliumEnvoy,
    /// kube-proxy: `GET http://127.0.0.1:10256/healthz`; 200 or 503.
    KubeProxyHealthz,
    /// kube-proxy: `GET http://127.0.0.1:10249/proxyMode`; text `iptables`, `ipvs`, `nftables`.
    KubeProxyMode,
    /// Calico's Felix: `GET http://127.0.0.1:9099/liveness`.
    FelixLiveness,
    /// Calico's Felix: `GET http://127.0.0.1:9099/readiness`.
    FelixReadiness,
    /// AWS VPC CNI's ipamd, gRPC: a TCP connection to `127.0.0.1:50051`.
    AwsIpamdGrpc,
    /// AWS VPC CNI's ipamd: `GET http://127.0.0.1:61679/v1/ipamd-env-settings`.
    AwsIpamdSettings,
    /// AWS VPC CNI's ipamd: `GET http://127.0.0.1:61679/v1/networkutils-env-settings`.
    AwsNetworkSettings,
    /// AWS network policy agent: `GET http://127.0.0.1:8163/healthz`.
    AwsPolicyAgent,
    /// kube-router: `GET http://127.0.0.1:20244/healthz`.
    KubeRouter,
    /// Weave: `GET http://127.0.0.1:6784/status`.
    Weave,
}

/// What an endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nobody listens there: refused, or no such socket.
    NobodyListens,
    /// A connection came about; no question was asked (gRPC).
    Connected,
    /// An HTTP answer.
    Http {
        /// Status code.
        status: u16,
        /// The body where it is short text of which a verdict may make something (`proxyMode`,
        /// ipamd's settings); empty otherwise.
        body: String,
    },
}

/// One systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Where its file is, the one that counts; `None`: it has none.
    pub file: Option<String>,
    /// Whether systemd keeps an invocation of it (`/run/systemd/units/invocation:NAME`), which is
    /// there while the unit is active or starts or stops; `Unknown`: that directory cannot be
    /// read.
    pub active: Observed<bool>,
}
