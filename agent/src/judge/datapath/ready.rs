//! Whether Cilium is ready here: capable, attached, healthy, and nothing in its way.

use super::life::Life;
use super::party::Party;
use super::story::Story;
use crate::facts::Observed;
use crate::facts::agents::{AgentFacts, Answer, Endpoint};
use crate::facts::cilium::CiliumStatus;
use crate::judge::reason::Reason;
use crate::judge::report::{Explanation, Issue, Ternary};

/// What readiness rests on, beside the kernel.
pub(in crate::judge) struct Signs {
    agent: Agent,
    attached: Attached,
    /// Whether the runtime calls Cilium for the next pod.
    installed: bool,
    /// Issues that keep Cilium from being ready.
    blocking: Vec<Issue>,
}

enum Agent {
    Healthy(Vec<String>),
    Sick(Vec<String>),
    Gone(Vec<String>),
    Unknown(Vec<String>),
}

enum Attached {
    Yes(String),
    No,
    Unknown(String),
}

/// The verdict, its reason, and what to do.
pub(in crate::judge) struct Readiness {
    pub(in crate::judge) ready: Ternary,
    pub(in crate::judge) why: Explanation,
    pub(in crate::judge) remedy: String,
}

/// Gathers the signs.
pub(super) fn signs(story: &Story<'_, '_>, issues: &[Issue]) -> Signs {
    let taken = story.next.taken.as_ref();
    Signs {
        agent: agent(story),
        attached: attached(story),
        installed: taken.is_some_and(|(_, it)| it.types.iter().any(|it| it == "cilium-cni")),
        blocking: issues.iter().filter(|it| it.blocks_ready).cloned().collect(),
    }
}

fn agent(story: &Story<'_, '_>) -> Agent {
    let facts = story.scene.facts;
    match story.scene.life(Party::Cilium) {
        Life::Dead(signs) => Agent::Gone(signs.clone()),
        Life::Unknown(signs) => Agent::Unknown(signs.clone()),
        Life::Alive(signs) => {
            let status = facts.cilium.known().and_then(Option::as_ref);
            health(signs, status, http(&facts.agents))
        }
    }
}

/// What `:9879/healthz` answered.
fn http(agents: &AgentFacts) -> Option<u16> {
    match agents.endpoints.get(&Endpoint::CiliumHealthz)? {
        Observed::Known(Answer::Http { status, .. }) => Some(*status),
        Observed::Known(Answer::Connected | Answer::NobodyListens) | Observed::Unknown(_) => None,
    }
}

/// The agent's own word over its socket and its health port; one "no" is a no.
fn health(signs: &[String], status: Option<&CiliumStatus>, http: Option<u16>) -> Agent {
    let state = status.and_then(|it| it.state.as_deref());
    let said = |it: &str| format!("Cilium's agent says state {it}");
    let answered = |it: u16| format!(":9879/healthz answers {it}");
    let evidence: Vec<String> = state.map(said).into_iter().chain(http.map(answered)).collect();
    let failing = status.is_some_and(|it| !it.failing_controllers.is_empty());
    match (state, http) {
        (Some("Failure" | "Disabled"), _) => Agent::Sick(evidence),
        (_, Some(code)) if code != 200 => Agent::Sick(evidence),
        (Some(_), _) | (None, Some(_)) => {
            let mut evidence = evidence;
            if failing && let Some(status) = status {
                let names = status.failing_controllers.join(", ");
                evidence.push(format!("controllers that failed last: {names}"));
            }
            Agent::Healthy(evidence)
        }
        (None, None) => {
            let mut open = vec!["Cilium's agent runs; whether it is well could not be told".into()];
            open.extend(signs.iter().cloned());
            Agent::Unknown(open)
        }
    }
}

/// Whether its programs are where packets pass.
fn attached(story: &Story<'_, '_>) -> Attached {
    let links = story.scene.links_with(Party::Cilium);
    if let Some(first) = links.first() {
        return Attached::Yes(format!(
            "its programs are on {} links, such as {}",
            links.len(),
            first.name
        ));
    }
    match story.scene.hooks_known() {
        true => Attached::No,
        false => Attached::Unknown("not every hook could be read".into()),
    }
}

/// Joins capability, datapath and health.
pub(in crate::judge) fn readiness(signs: &Signs, capable: Ternary) -> Readiness {
    absent(signs)
        .or_else(|| gone(signs))
        .or_else(|| blocked(signs))
        .or_else(|| detached(signs))
        .or_else(|| sick(signs))
        .or_else(|| incapable(capable))
        .unwrap_or_else(|| open_or_ready(signs, capable))
}

fn end(
    ready: Ternary,
    reason: Reason,
    evidence: Vec<String>,
    remedy: impl Into<String>,
) -> Readiness {
    Readiness { ready, why: Explanation { reason, evidence }, remedy: remedy.into() }
}

/// No agent, no programs that were seen, no configuration: Cilium is not here.
fn absent(signs: &Signs) -> Option<Readiness> {
    let (Agent::Gone(evidence), false) = (&signs.agent, signs.installed) else { return None };
    let programs = match &signs.attached {
        Attached::Yes(_) => return None,
        Attached::No => "none of its programs is attached".to_owned(),
        Attached::Unknown(why) => format!("none of its programs was seen, and {why}"),
    };
    let mut evidence = evidence.clone();
    evidence.push(programs);
    Some(end(Ternary::No, Reason::CiliumAbsent, evidence, "Install Cilium on this node."))
}

fn gone(signs: &Signs) -> Option<Readiness> {
    let Agent::Gone(evidence) = &signs.agent else { return None };
    let remedy = "Start Cilium's agent on this node, or clean up after it if it was removed.";
    Some(end(Ternary::No, Reason::CiliumAgentGone, evidence.clone(), remedy))
}

fn blocked(signs: &Signs) -> Option<Readiness> {
    let issue = signs.blocking.first()?;
    let evidence = signs.blocking.iter().map(|it| it.message.clone()).collect();
    Some(end(Ternary::No, issue.reason, evidence, issue.remedy.clone()))
}

/// The seconds between the CNI's installation and its datapath, or an agent that cannot attach.
fn detached(signs: &Signs) -> Option<Readiness> {
    let lives = matches!(signs.agent, Agent::Healthy(_) | Agent::Sick(_) | Agent::Unknown(_));
    let Attached::No = signs.attached else { return None };
    if !signs.installed && !matches!(signs.agent, Agent::Healthy(_) | Agent::Sick(_)) {
        return None;
    }
    let mut evidence = vec!["none of Cilium's programs is attached to a link".to_owned()];
    if signs.installed {
        evidence.push("the runtime calls cilium-cni for new pods".into());
    }
    let remedy = "Wait until the agent has attached its programs; if it does not, see its log.";
    lives.then(|| end(Ternary::No, Reason::DatapathNotAttached, evidence, remedy))
}

fn sick(signs: &Signs) -> Option<Readiness> {
    let Agent::Sick(evidence) = &signs.agent else { return None };
    let remedy = "See `cilium-dbg status --verbose` in the agent's pod on this node.";
    Some(end(Ternary::No, Reason::CiliumUnhealthy, evidence.clone(), remedy))
}

fn incapable(capable: Ternary) -> Option<Readiness> {
    let why = "this node cannot run the Cilium release in question".to_owned();
    (capable == Ternary::No).then(|| {
        end(
            Ternary::No,
            Reason::NotCapable,
            vec![why],
            "See what is in its way among the findings.",
        )
    })
}

fn open_or_ready(signs: &Signs, capable: Ternary) -> Readiness {
    match (&signs.agent, &signs.attached, capable) {
        (Agent::Healthy(health), Attached::Yes(attached), Ternary::Yes) => {
            let mut evidence = vec![attached.clone()];
            evidence.extend(health.iter().cloned());
            end(Ternary::Yes, Reason::CiliumHealthy, evidence, "")
        }
        (Agent::Unknown(why), _, _) => open(why.clone()),
        (_, Attached::Unknown(why), _) => open(vec![why.clone()]),
        _ => open(vec!["whether this node can run the release could not be told".into()]),
    }
}

fn open(evidence: Vec<String>) -> Readiness {
    let remedy =
        "Ask on the host, with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN and its /run/cilium.";
    end(Ternary::Unknown, Reason::PrerequisiteUnknown, evidence, remedy)
}
