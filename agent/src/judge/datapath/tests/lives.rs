//! Agents that live in another process, that live and do nothing, or that could not be seen.

use super::nodes::{self, ENI};
use crate::facts::agents::{Answer, Endpoint};
use crate::facts::hooks::Direction;
use crate::facts::{Cause, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::reason::Reason;
use crate::judge::report::{Cni, Confidence, ProxyMode, Ternary};

/// k3s holds Flannel, kube-proxy and kube-router's policy part: none of them is gone there.
#[test]
fn what_k3s_holds_in_its_process_may_live() {
    let mut host = nodes::kube_proxy_rules(nodes::flannel()).chain("filter", "KUBE-ROUTER-FORWARD");
    host.facts.agents.processes = Observed::Known(Vec::new());
    let verdict = host.clone().process("k3s-server").verdict();
    assert_eq!(verdict.datapath.policy_engine, "kube-router");
    assert_eq!(verdict.datapath.issues, []);
    let proxy = &verdict.service_proxy;
    assert_eq!((proxy.mode, proxy.confidence), (ProxyMode::Iptables, Confidence::Medium));
    // Without it nobody is there.
    let ids: Vec<String> = host.verdict().datapath.issues.into_iter().map(|it| it.id).collect();
    for id in ["datapath-agent-gone", "kube-proxy-rules-left", "kube-router-rules-left"] {
        assert!(ids.iter().any(|it| it == id), "{id}: {ids:?}");
    }
}

/// Its container runs on and answers, so its filters are of yesterday.
#[test]
fn a_policy_agent_whose_feature_is_off_enforces_nothing() {
    let host = nodes::aws().tc(ENI[0], Direction::Ingress, 1, "handle_egress", "");
    let mut host = host.answers(Endpoint::AwsPolicyAgent, 200, "").process("controller");
    let Observed::Known(processes) = &mut host.facts.agents.processes else { panic!() };
    let agent = processes.last_mut().unwrap();
    agent.flags.insert("enable-network-policy".into(), "false".into());
    let verdict = host.verdict().datapath;
    assert_eq!(verdict.policy_engine, "none");
    assert!(verdict.issues.iter().any(|it| it.id == "aws-policy-filters-left"));
}

/// As in a pod that has neither the host's processes nor its /run: a port that nobody listens on
/// may be configured away.
#[test]
fn sockets_that_are_not_mounted_leave_an_agents_life_open() {
    let mut host =
        Host::new().link("cilium_host", "veth").tcx("eth0", Direction::Ingress, "cil_from_netdev");
    let agents = &mut host.facts.agents;
    agents.processes = Observed::Unknown(unseen());
    agents.units = Observed::Unknown(unseen());
    agents.sockets.values_mut().for_each(|it| *it = Observed::Unknown(unseen()));
    agents.endpoints.insert(Endpoint::CiliumStatus, Observed::Unknown(unseen()));
    host.facts.cilium = Observed::Unknown(unseen());
    let verdict = host.verdict();
    assert!(verdict.datapath.leftovers.is_empty(), "{:#?}", verdict.datapath.leftovers);
    assert_eq!(verdict.cilium.ready, Ternary::Unknown, "{:#?}", verdict.cilium.ready_why);
}

/// As in the DaemonSet, which has the host's processes and not its /run.
#[test]
fn the_hosts_processes_decide_where_sockets_are_not_mounted() {
    let mut host = Host::new().tcx("eth0", Direction::Ingress, "cil_from_netdev");
    let agents = &mut host.facts.agents;
    agents.sockets.values_mut().for_each(|it| *it = Observed::Unknown(unseen()));
    agents.endpoints.insert(Endpoint::CiliumStatus, Observed::Unknown(unseen()));
    let ids = |host: Host| -> Vec<String> {
        host.verdict().datapath.issues.into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ids(host.clone()), ["cilium-programs-left"]);
    assert!(ids(host.process("cilium-agent")).is_empty());
}

fn unseen() -> Failure {
    Failure::new(Cause::Prerequisite, "no hostPID")
}

/// kind or k3d on a node: their processes are seen, and are agents of other nodes.
#[test]
fn agents_of_a_machine_within_this_one_are_not_this_nodes() {
    let nested = |mut host: Host, comm: &str| {
        host = host.process(comm);
        let Observed::Known(processes) = &mut host.facts.agents.processes else { panic!() };
        processes.last_mut().unwrap().in_host_network = Some(false);
        host
    };
    let host = nested(nodes::cilium(), "kube-proxy");
    assert_eq!(host.verdict().datapath.issues, []);
    let host = ["cilium-agent", "k3s-server"].into_iter().fold(nodes::flannel(), nested);
    let verdict = host.verdict();
    assert_eq!(verdict.cilium.ready_why.unwrap().reason, Reason::CiliumAbsent);
}

/// Felix may listen elsewhere (OpenShift: 9199): two questions to one port are one place.
#[test]
fn a_port_that_nobody_listens_on_settles_nothing_however_often_it_is_asked() {
    let mut host = nodes::aws().chain("filter", "cali-FORWARD");
    host.facts.agents.processes = Observed::Unknown(unseen());
    host.facts.agents.sockets.clear();
    let host = host.answers(Endpoint::AwsIpamdSettings, 200, "{}");
    let verdict = host.verdict().datapath;
    assert_eq!(verdict.policy_engine, "calico", "{:#?}", verdict.policy);
    assert_eq!(verdict.issues, []);
}

/// Any gRPC server may listen there.
#[test]
fn a_connection_alone_is_no_agent_where_processes_are_seen() {
    let mut host = nodes::cilium().chain("nat", "AWS-SNAT-CHAIN-0");
    let connected = Observed::Known(Answer::Connected);
    host.facts.agents.endpoints.insert(Endpoint::AwsIpamdGrpc, connected);
    let left = |host: Host| {
        host.verdict().datapath.issues.iter().any(|it| it.id == "aws-snat-chains-left")
    };
    assert!(left(host.clone()));
    host.facts.agents.processes = Observed::Unknown(unseen());
    assert!(!left(host));
}

/// Flannel's plug-in makes the link, and nothing tells whether flanneld runs.
#[test]
fn what_a_chain_calls_is_in_use() {
    let mut host = nodes::flannel();
    host.facts.cni.files = Observed::Known(Some(Vec::new()));
    host.facts.agents.processes = Observed::Unknown(unseen());
    let host = ["veth0a1b2c3d", "veth1a1b2c3d"].into_iter().fold(
        host.conf("05-cilium.conflist", "cbr0", &["flannel", "portmap", "cilium-cni"]),
        |host, port| host.tcx(port, Direction::Ingress, "cil_from_container"),
    );
    let host = host.answers(Endpoint::CiliumHealthz, 200, "");
    let verdict = host.verdict().datapath;
    assert_eq!((verdict.cni, verdict.pods.traced), (Cni::Cilium, 2), "{verdict:#?}");
    assert_eq!(verdict.issues, []);
}

/// Old images have no `azure-cns`: `azure-vnet-ipam` is a binary, and no agent is missing.
#[test]
fn azures_own_ipam_has_no_agent() {
    let mut host = nodes::azure();
    host.facts.agents.processes = Observed::Known(Vec::new());
    assert!(host.clone().verdict().datapath.issues.iter().any(|it| it.id == "datapath-agent-gone"));
    host.facts.cni.files = Observed::Known(Some(Vec::new()));
    let host = host.conf("10-azure.conflist", "azure", &["azure-vnet/azure-vnet-ipam", "portmap"]);
    assert_eq!(host.verdict().datapath.issues, []);
}

/// What is not known of systemd is not "false".
#[test]
fn without_systemds_files_auto_mode_is_open() {
    let mut host = nodes::aws();
    assert_eq!(host.clone().verdict().datapath.modes["auto-mode"], "false");
    host.facts.agents.units = Observed::Unknown(Failure::new(Cause::Prerequisite, "no /run"));
    assert!(!host.verdict().datapath.modes.contains_key("auto-mode"));
}
