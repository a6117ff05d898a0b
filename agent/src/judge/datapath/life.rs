//! Whether an agent runs here: its processes, sockets, endpoints and units.
//!
//! One sign of life is proof. Its absence is one only when every place was looked at, and either
//! the processes of the host could be seen or two other places agree: an agent may be told not to
//! open a port.

use std::collections::BTreeSet;

use super::party::Party;
use crate::facts::agents::{AgentFacts, Answer, Endpoint, Process, SocketState};
use crate::facts::{Cause, Failure, Observed, agents::Unit};

/// Whether something runs, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// It runs.
    Alive(Vec<String>),
    /// It does not.
    Dead(Vec<String>),
    /// Could not tell.
    Unknown(Vec<String>),
}

impl Life {
    pub(super) fn is_alive(&self) -> bool {
        matches!(self, Self::Alive(_))
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Self::Dead(_))
    }

    /// What shows it.
    pub(super) fn evidence(&self) -> &[String] {
        match self {
            Self::Alive(evidence) | Self::Dead(evidence) | Self::Unknown(evidence) => evidence,
        }
    }
}

/// Where an agent can be seen.
struct Surface {
    party: Party,
    /// Names of its process, as the kernel cuts them.
    comms: &'static [&'static str],
    endpoints: &'static [Endpoint],
    /// Ends of its sockets' paths.
    sockets: &'static [&'static str],
    units: &'static [&'static str],
}

/// `cni-fingerprints.md` § 3 and § 4.2, `cilium.md` § 4.1.
#[rustfmt::skip]
const SURFACES: &[Surface] = &[
    Surface { party: Party::Cilium, comms: &["cilium-agent", "anetd"], endpoints: &[Endpoint::CiliumStatus, Endpoint::CiliumHealthz], sockets: &["cilium/cilium.sock"], units: &["cilium.service"] },
    Surface { party: Party::AwsVpcCni, comms: &["aws-k8s-agent", "ipamd"], endpoints: &[Endpoint::AwsIpamdGrpc, Endpoint::AwsIpamdSettings, Endpoint::AwsNetworkSettings], sockets: &["aws-node/ipamd.sock"], units: &["ipamd.service"] },
    Surface { party: Party::AwsPolicyAgent, comms: &["controller", "aws-network-pol"], endpoints: &[Endpoint::AwsPolicyAgent], sockets: &["aws-node/npa.sock"], units: &["aws-network-policy-agent.service"] },
    Surface { party: Party::Calico, comms: &["calico-node", "calico-felix", "calico"], endpoints: &[Endpoint::FelixLiveness, Endpoint::FelixReadiness], sockets: &[], units: &[] },
    Surface { party: Party::Flannel, comms: &["flanneld"], endpoints: &[], sockets: &[], units: &["flanneld.service"] },
    Surface { party: Party::Kindnet, comms: &["kindnetd"], endpoints: &[], sockets: &[], units: &[] },
    Surface { party: Party::Antrea, comms: &["antrea-agent"], endpoints: &[], sockets: &["antrea/cni.sock"], units: &[] },
    Surface { party: Party::OvnKubernetes, comms: &["ovnkube", "ovnkube-node"], endpoints: &[], sockets: &["ovn-kubernetes/cni/ovn-cni-server.sock"], units: &[] },
    Surface { party: Party::KubeOvn, comms: &["kube-ovn-daemon"], endpoints: &[], sockets: &["openvswitch/kube-ovn-daemon.sock"], units: &[] },
    Surface { party: Party::KubeRouter, comms: &["kube-router"], endpoints: &[Endpoint::KubeRouter], sockets: &[], units: &[] },
    Surface { party: Party::AzureCni, comms: &["azure-cns"], endpoints: &[], sockets: &[], units: &[] },
    Surface { party: Party::Gke, comms: &["netd"], endpoints: &[], sockets: &[], units: &[] },
    Surface { party: Party::Weave, comms: &["weaver"], endpoints: &[Endpoint::Weave], sockets: &[], units: &[] },
    Surface { party: Party::KubeProxy, comms: &["kube-proxy"], endpoints: &[Endpoint::KubeProxyHealthz, Endpoint::KubeProxyMode], sockets: &[], units: &["kube-proxy.service"] },
    Surface { party: Party::OpenVswitch, comms: &["ovs-vswitchd"], endpoints: &[], sockets: &["openvswitch/db.sock"], units: &["ovs-vswitchd.service", "openvswitch.service"] },
];

/// Processes that hold agents of others within them: k3s its Flannel, its kube-proxy and the policy
/// part of kube-router, MicroK8s its kube-proxy. Their command lines tell not all of what is off.
const WITHIN: &[(&str, &[Party])] = &[
    ("k3s-server", &[Party::Flannel, Party::KubeProxy, Party::KubeRouter]),
    ("k3s-agent", &[Party::Flannel, Party::KubeProxy, Party::KubeRouter]),
    ("kubelite", &[Party::KubeProxy]),
];

/// Every party that has an agent.
pub(super) const ALL: [Party; 15] = [
    Party::Cilium,
    Party::AwsVpcCni,
    Party::AwsPolicyAgent,
    Party::Calico,
    Party::Flannel,
    Party::Kindnet,
    Party::Antrea,
    Party::OvnKubernetes,
    Party::KubeOvn,
    Party::KubeRouter,
    Party::AzureCni,
    Party::Gke,
    Party::Weave,
    Party::KubeProxy,
    Party::OpenVswitch,
];

/// Who answers at kube-proxy's health port in its place: Cilium where it is told to
/// (`kube-proxy-replacement-healthz-bind-address`), Calico's eBPF datapath unless it is told not to
/// (`bpfKubeProxyHealthzPort`), OVN-Kubernetes.
const STAND_INS: &[Party] = &[Party::Cilium, Party::Calico, Party::OvnKubernetes];

/// Whether this party runs here.
pub(super) fn life(agents: &AgentFacts, party: Party) -> Life {
    let Some(surface) = SURFACES.iter().find(|it| it.party == party) else {
        return Life::Unknown(vec![format!("{} has no agent to ask", party.as_str())]);
    };
    if let Some(why) = switched_off(agents, surface) {
        return Life::Dead(vec![why]);
    }
    let mut signs = Signs::default();
    processes(&mut signs, agents, surface);
    surface.endpoints.iter().for_each(|it| endpoint(&mut signs, agents, *it));
    surface.sockets.iter().for_each(|it| socket(&mut signs, agents, it));
    surface.units.iter().for_each(|it| unit(&mut signs, agents, it));
    signs.into_life(party)
}

/// The AWS policy agent's container runs, answers and does nothing where its feature is off
/// (aws-network-policy-agent `main.go`).
fn switched_off(agents: &AgentFacts, surface: &Surface) -> Option<String> {
    const SWITCH: &str = "enable-network-policy";
    let mut processes = agents.processes.known()?.iter().filter(|it| is_own(it, surface));
    let off = |it: &Process| it.flags.get(SWITCH).is_some_and(|it| it == "false");
    let found = processes.find(|it| surface.party == Party::AwsPolicyAgent && off(it))?;
    Some(format!("process {} runs with --{SWITCH}=false (pid {})", found.comm, found.pid))
}

/// Agents are in the host's network; one in another is that of a machine within this one.
fn is_own(process: &Process, surface: &Surface) -> bool {
    surface.comms.contains(&process.comm.as_str()) && process.in_host_network != Some(false)
}

#[derive(Default)]
struct Signs {
    alive: Vec<String>,
    dead: Vec<String>,
    /// Places where nobody listens: one port counts once, whatever is asked there.
    silent: BTreeSet<String>,
    unknown: Vec<String>,
    /// Places that are not mounted in our container: nothing follows from them.
    unseen: Vec<String>,
    /// Whether every process of the host was seen, and this one was not among them.
    no_process: bool,
}

impl Signs {
    fn into_life(self, party: Party) -> Life {
        if !self.alive.is_empty() {
            return Life::Alive(self.alive);
        }
        let others_agree = self.silent.len() >= 2 && self.unseen.is_empty();
        if self.unknown.is_empty() && (self.no_process || others_agree) {
            return Life::Dead(self.dead);
        }
        let name = party.as_str();
        let mut why = vec![format!("whether {name} runs could not be told")];
        why.extend(self.dead);
        why.extend(self.unknown);
        why.extend(self.unseen);
        Life::Unknown(why)
    }
}

impl Signs {
    /// Nobody is there.
    fn nobody(&mut self, place: &str, sentence: String) {
        self.silent.insert(place.trim().to_owned());
        self.dead.push(sentence);
    }

    /// A place that could not be asked. Where its folder is not mounted here, the processes of the
    /// host still decide.
    fn open(&mut self, place: &str, failure: &Failure) {
        let list = match failure.cause {
            Cause::Prerequisite => &mut self.unseen,
            _ => &mut self.unknown,
        };
        list.push(format!("{place}: {}", failure.detail));
    }
}

fn processes(signs: &mut Signs, agents: &AgentFacts, surface: &Surface) {
    let names = surface.comms.join(" or ");
    match &agents.processes {
        Observed::Known(all) => match all.iter().find(|it| is_own(it, surface)) {
            Some(found) => {
                signs.alive.push(format!("process {} runs (pid {})", found.comm, found.pid));
            }
            None => {
                let holder = holder(all, surface.party);
                signs.no_process = holder.is_none();
                signs.dead.push(format!("no process {names}"));
                signs.unknown.extend(holder);
            }
        },
        // Without the host's pid namespace nothing follows; ports and sockets still decide.
        Observed::Unknown(failure) if failure.cause == Cause::Prerequisite => {}
        Observed::Unknown(failure) => {
            signs.unknown.push(format!("processes: {}", failure.detail));
        }
    }
}

/// A process that may hold this party's agent within it.
fn holder(all: &[Process], party: Party) -> Option<String> {
    let holds = |it: &&Process| {
        let here = it.in_host_network != Some(false);
        here && WITHIN.iter().any(|(comm, parties)| it.comm == *comm && parties.contains(&party))
    };
    let holder = all.iter().find(holds)?;
    Some(format!("process {} may hold it (pid {})", holder.comm, holder.pid))
}

fn endpoint(signs: &mut Signs, agents: &AgentFacts, endpoint: Endpoint) {
    let name = endpoint_name(endpoint);
    match agents.endpoints.get(&endpoint) {
        Some(Observed::Known(Answer::NobodyListens)) => {
            // Of `:9099/liveness` the port, of `cilium.sock /v1/healthz` the socket.
            let place = name.split_once('/').map_or(name, |it| it.0);
            signs.nobody(place, format!("nobody listens on {name}"));
        }
        // Any process may take connections on a port, and the one that is looked for does not run
        // by a name that is known.
        Some(Observed::Known(Answer::Connected)) if signs.no_process => {
            signs.unknown.push(format!("somebody takes connections on {name}"));
        }
        Some(Observed::Known(Answer::Connected)) => {
            signs.alive.push(format!("{name} takes connections"));
        }
        Some(Observed::Known(Answer::Http { status, .. }))
            if endpoint == Endpoint::KubeProxyHealthz && has_stand_in(agents) =>
        {
            let words = format!("{name} answers {status}, which others do in kube-proxy's place");
            if !signs.no_process {
                signs.unknown.push(words);
            }
        }
        Some(Observed::Known(Answer::Http { status, .. })) => {
            signs.alive.push(format!("{name} answers {status}"));
        }
        Some(Observed::Unknown(failure)) => signs.open(name, failure),
        None => signs.unknown.push(format!("{name} was not asked")),
    }
}

/// Whether one of those runs who answer for kube-proxy.
fn has_stand_in(agents: &AgentFacts) -> bool {
    STAND_INS.iter().any(|it| life(agents, *it).is_alive())
}

fn socket(signs: &mut Signs, agents: &AgentFacts, end: &str) {
    let looked = || agents.sockets.iter().filter(|(path, _)| path.ends_with(end));
    for (path, state) in looked() {
        match state {
            Observed::Known(SocketState::Listening) => {
                signs.alive.push(format!("{path} listens"));
            }
            Observed::Known(SocketState::Abandoned) => {
                signs.nobody(socket_name(path), format!("nobody listens on {path} any more"));
            }
            Observed::Known(SocketState::Absent) => {
                signs.nobody(socket_name(path), format!("no {path}"));
            }
            Observed::Unknown(failure) => signs.open(path, failure),
        }
    }
}

fn socket_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |it| it.1)
}

fn unit(signs: &mut Signs, agents: &AgentFacts, name: &str) {
    let Observed::Known(units) = &agents.units else { return };
    if let Some(Unit { active: Observed::Known(true), .. }) = units.get(name) {
        signs.alive.push(format!("systemd unit {name} is active"));
    }
}

/// An endpoint as a person would ask it.
pub(super) fn endpoint_name(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::CiliumStatus => "cilium.sock /v1/healthz",
        Endpoint::CiliumHealthz => ":9879/healthz",
        Endpoint::CiliumEnvoy => ":9878/healthz",
        Endpoint::KubeProxyHealthz => ":10256/healthz",
        Endpoint::KubeProxyMode => ":10249/proxyMode",
        Endpoint::FelixLiveness => ":9099/liveness",
        Endpoint::FelixReadiness => ":9099/readiness",
        Endpoint::AwsIpamdGrpc => ":50051 (ipamd)",
        Endpoint::AwsIpamdSettings => ":61679/v1/ipamd-env-settings",
        Endpoint::AwsNetworkSettings => ":61679/v1/networkutils-env-settings",
        Endpoint::AwsPolicyAgent => ":8163/healthz",
        Endpoint::KubeRouter => ":20244/healthz",
        Endpoint::Weave => ":6784/status",
    }
}
