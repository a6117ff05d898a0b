//! Agents that live in another process, that live and do nothing, or that could not be seen.

use super::nodes::{self, ENI};
use crate::facts::agents::Endpoint;
use crate::facts::hooks::Direction;
use crate::facts::{Cause, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::report::{Confidence, ProxyMode, Ternary};

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
    let unseen = || Failure::new(Cause::Prerequisite, "not mounted here");
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
    let unseen = || Failure::new(Cause::Prerequisite, "not mounted here");
    let agents = &mut host.facts.agents;
    agents.sockets.values_mut().for_each(|it| *it = Observed::Unknown(unseen()));
    agents.endpoints.insert(Endpoint::CiliumStatus, Observed::Unknown(unseen()));
    let ids = |host: Host| -> Vec<String> {
        host.verdict().datapath.issues.into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ids(host.clone()), ["cilium-programs-left"]);
    assert!(ids(host.process("cilium-agent")).is_empty());
}

/// What is not known of systemd is not "false".
#[test]
fn without_systemds_files_auto_mode_is_open() {
    let mut host = nodes::aws();
    assert_eq!(host.clone().verdict().datapath.modes["auto-mode"], "false");
    host.facts.agents.units = Observed::Unknown(Failure::new(Cause::Prerequisite, "no /run"));
    assert!(!host.verdict().datapath.modes.contains_key("auto-mode"));
}
