//! Which datapath carries the pods' packets: five answers, each with its confidence and evidence.
//!
//! What carries the pods now is told by tracing each pod's address through rule and route to the
//! link it is reached by, and to the programs there; what the next pod gets, by the configuration
//! that the runtime takes. Then: who enforces policy, who translates Services, and what is left of
//! others. The order of evidence is that of `cni-fingerprints.md` § 6: the kernel for the present,
//! the file for the future, and bare objects for neither.

mod attribute;
mod companions;
mod conflict;
mod detector;
mod fib;
mod findings;
mod issue;
mod leftover;
mod life;
mod netfilter;
mod next;
mod party;
mod plugins;
mod pods;
mod policy;
mod present;
mod proxy;
pub(super) mod ready;
mod scene;
mod story;
#[cfg(test)]
mod tests;
mod trace;
mod unread;
pub mod verdict;

pub(super) use findings::findings;

use self::detector::Ask;
use self::life::Life;
use self::next::Next;
use self::party::Party;
use self::present::Present;
use self::scene::Scene;
use self::story::Story;
use crate::facts::Facts;
use crate::judge::report::{
    Answer, Cni, Confidence, DatapathVerdict, Issue, IssueKind, Migration, Release,
    ServiceProxyVerdict,
};

/// What was found out about a node's datapath.
pub(super) struct Detected {
    pub(super) datapath: DatapathVerdict,
    pub(super) proxy: ServiceProxyVerdict,
    /// What Cilium's readiness rests on.
    pub(super) cilium: ready::Signs,
}

/// Answers the five questions.
pub(super) fn detect(facts: &Facts) -> Detected {
    let scene = Scene::of(facts);
    let next = next::next(&facts.cni);
    let ask = Ask { scene: &scene, next: &next };
    let pods = pods::pods(&scene);
    let present = present::present(&ask, &pods);
    let policy = policy::policy(&scene, &present);
    let proxy = proxy::proxy(&scene, &present);
    let story =
        Story { scene: &scene, next: &next, present: &present, policy: &policy, proxy: &proxy };
    let issues = [conflict::conflicts(&story), leftover::leftovers(&story)].concat();
    let (next_pod, next_answer) = next_pod(&scene, &next);
    let cilium = ready::signs(&story, &issues);
    let migrating = migrating(&present, next_pod);
    let companions = companions::companions(&scene, &next);
    let sentences = |kind| {
        let of_kind = issues.iter().filter(move |it: &&Issue| it.kind == kind);
        of_kind.map(|it| it.message.clone()).collect()
    };
    let datapath = DatapathVerdict {
        cni: present.cni,
        mode: present.modes.mode,
        next_pod,
        policy_engine: policy.word,
        confidence: present.confidence,
        evidence: present.evidence,
        conflicts: sentences(IssueKind::Conflict),
        leftovers: sentences(IssueKind::Leftover),
        modes: present.modes.aspects,
        pods: present.count,
        migrating,
        next: next_answer,
        policy: policy.answer,
        companions,
        issues,
        unread: unread::unread(facts),
    };
    Detected { datapath, proxy, cilium }
}

/// Cilium's plug-in sets up nothing without its agent.
fn next_pod(scene: &Scene<'_>, next: &Next) -> (Cni, Answer) {
    let calls =
        next.taken.as_ref().is_some_and(|(_, it)| it.types.iter().any(|it| it == "cilium-cni"));
    match scene.life(Party::Cilium) {
        Life::Dead(signs) if calls => {
            let mut evidence = next.answer.evidence.clone();
            evidence.push("cilium-cni needs Cilium's agent, which is gone: sandboxes fail".into());
            evidence.extend(signs.first().cloned());
            (Cni::None, Answer { confidence: Confidence::Medium, evidence })
        }
        _ => (next.cni, next.answer.clone()),
    }
}

/// Pods move only when they are made anew, so that a change shows as two sides.
fn migrating(present: &Present<'_>, to: Cni) -> Option<Migration> {
    let others = || present.count.by_cni.iter().filter(|it| it.0.is_one() && *it.0 != to);
    let (from, _) = others().max_by_key(|it| *it.1)?;
    let pods_to = present.count.by_cni.get(&to).copied().unwrap_or(0);
    let pods_from = others().map(|it| it.1).sum();
    to.is_one().then_some(Migration { from: *from, to, pods_from, pods_to })
}

/// The Cilium release that runs here, by its agent's own word.
pub(super) fn running(facts: &Facts) -> Option<Release> {
    let message = facts.cilium.known()?.as_ref()?.message.as_deref()?;
    let mut numbers = message.trim_start().trim_start_matches('v').split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()?;
    Some(Release { major, minor })
}
