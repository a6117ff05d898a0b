//! Readiness joins capability, datapath and health.

use super::nodes;
use crate::facts::agents::{Answer, Endpoint};
use crate::facts::{Cause, Failure, Observed};
use crate::judge::datapath::tests::host::Host;
use crate::judge::reason::Reason;
use crate::judge::report::{Cni, Release, Ternary};
use crate::judge::{Policy, judge};

#[track_caller]
fn expect(host: Host, ready: Ternary, reason: Reason) {
    let cilium = host.verdict().cilium;
    let why = cilium.ready_why.unwrap();
    assert_eq!((cilium.ready, why.reason), (ready, reason), "{why:#?}");
    assert!(!why.evidence.is_empty());
    assert_eq!(cilium.ready_remedy.is_empty(), ready == Ternary::Yes);
}

/// A Cilium that is installed and has not attached anything yet.
fn starting() -> Host {
    Host::new().conf("05-cilium.conflist", "cilium", &["cilium-cni"]).cilium(|_| ())
}

#[test]
fn attached_and_healthy_is_ready() {
    expect(nodes::cilium(), Ternary::Yes, Reason::CiliumHealthy);
    expect(nodes::aws_chained(), Ternary::Yes, Reason::CiliumHealthy);
    expect(nodes::gke(), Ternary::Yes, Reason::CiliumHealthy);
}

#[test]
fn the_seconds_before_the_datapath_are_a_no() {
    expect(starting(), Ternary::No, Reason::DatapathNotAttached);
    assert_eq!(starting().verdict().datapath.cni, Cni::Unknown);
}

#[test]
fn a_sick_agent_is_a_no_and_a_gone_one_another() {
    let sick = nodes::cilium().answers(Endpoint::CiliumHealthz, 503, "");
    expect(sick, Ternary::No, Reason::CiliumUnhealthy);
    let failing = nodes::cilium().cilium(|it| it.state = Some("Failure".into()));
    expect(failing, Ternary::No, Reason::CiliumUnhealthy);
    expect(agent_gone(), Ternary::No, Reason::CiliumAgentGone);
    expect(nodes::aws(), Ternary::No, Reason::CiliumAbsent);
}

fn agent_gone() -> Host {
    let mut host = nodes::cilium();
    host.facts.cilium = Observed::Known(None);
    host.facts.agents.processes = Observed::Known(Vec::new());
    for it in host.facts.agents.endpoints.values_mut() {
        *it = Observed::Known(Answer::NobodyListens);
    }
    for it in host.facts.agents.sockets.values_mut() {
        *it = Observed::Known(crate::facts::agents::SocketState::Abandoned);
    }
    host
}

#[test]
fn a_missing_right_is_open_and_never_a_no() {
    let mut host = starting();
    host.facts.hooks.tcx = Observed::Unknown(Failure::new(Cause::PermissionDenied, "EPERM"));
    expect(host, Ternary::Unknown, Reason::PrerequisiteUnknown);
}

#[test]
fn a_blocking_conflict_is_a_no() {
    let beside = nodes::kube_proxy(nodes::cilium());
    expect(beside, Ternary::No, Reason::DatapathConflict);
}

#[test]
fn the_target_is_the_release_that_runs_here() {
    let cilium = nodes::cilium().verdict().cilium;
    assert_eq!((cilium.running, cilium.target), (Some(Release::one(17)), Release::one(17)));
    let asked = Policy { target: Some(Release::one(18)), ..Policy::default() };
    let cilium = judge(nodes::cilium().facts, &asked).verdict.cilium;
    assert_eq!((cilium.target, cilium.ready), (Release::one(18), Ternary::Yes));
    // An agent of a development build names no release.
    let silent = nodes::cilium().cilium(|it| it.message = Some(" (v-)".into()));
    assert_eq!(silent.verdict().cilium.running, None);
}
