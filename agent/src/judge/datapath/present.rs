//! What carries the pods that run now: every pod is traced, and the most count.

use std::collections::BTreeMap;

use super::detector::{self, Ask, Detector, Modes};
use super::party::Party;
use super::pods::{self, Pod};
use super::trace::{self, Hop};
use crate::judge::report::{Cni, Confidence, PodCount};

/// One pod's way and whose it is.
pub(super) struct Traced<'a> {
    pub(super) hop: Hop<'a>,
    pub(super) cni: Cni,
    how: String,
}

/// What carries the pods, and what shows it.
pub(super) struct Present<'a> {
    pub(super) cni: Cni,
    pub(super) confidence: Confidence,
    pub(super) evidence: Vec<String>,
    pub(super) count: PodCount,
    pub(super) traced: Vec<Traced<'a>>,
    pub(super) modes: Modes,
    /// Whether somebody who knows all pods named them.
    pub(super) complete: bool,
}

impl Present<'_> {
    /// Whether this CNI carries at least one pod.
    pub(super) fn carries_any(&self, cni: Cni) -> bool {
        self.count.by_cni.contains_key(&cni) || self.cni == cni
    }
}

/// The pods, their list kept apart since their ways borrow from it.
pub(super) fn present<'a>(ask: &Ask<'a, '_>, pods: &'a pods::Pods) -> Present<'a> {
    let traced: Vec<Traced<'a>> = pods
        .list
        .iter()
        .filter_map(|it| trace::trace(ask.scene, it))
        .map(|it| whose(ask, it))
        .collect();
    let mut count = count(ask, &traced);
    count.seen = u32::try_from(pods.list.len()).unwrap_or(u32::MAX);
    match most(ask, &traced) {
        Some(cni) => with_pods(ask, cni, traced, count, pods),
        None => without_pods(ask, traced, count, pods),
    }
}

fn whose<'a>(ask: &Ask<'a, '_>, hop: Hop<'a>) -> Traced<'a> {
    let claim = detector::ALL.iter().find_map(|it| Some((it.cni, (it.carries)(ask, &hop)?)));
    let (cni, how) = claim.unwrap_or((Cni::Unknown, "a link that no known CNI makes".into()));
    Traced { hop, cni, how }
}

fn count(ask: &Ask<'_, '_>, traced: &[Traced<'_>]) -> PodCount {
    let mut count = PodCount::default();
    for it in traced {
        *count.by_cni.entry(it.cni).or_default() += 1;
        count.traced += u32::from(it.cni.is_one());
    }
    let of = |cni| count.by_cni.get(&cni).copied().unwrap_or(0);
    for (chained, alone) in
        [(Cni::AwsVpcCniCilium, Cni::AwsVpcCni), (Cni::AzureCniCilium, Cni::AzureCni)]
    {
        if of(chained) > 0 || ask.next.cni == chained {
            count.unmanaged += of(alone);
        }
    }
    count
}

/// The CNI of most pods; of two with as many, the one of the youngest pod, then the next pod's.
fn most(ask: &Ask<'_, '_>, traced: &[Traced<'_>]) -> Option<Cni> {
    let mut sums: BTreeMap<Cni, (usize, Option<u64>, bool)> = BTreeMap::new();
    for it in traced.iter().filter(|it| it.cni.is_one()) {
        let sum = sums.entry(it.cni).or_insert((0, None, it.cni == ask.next.cni));
        sum.0 += 1;
        sum.1 = sum.1.max(it.hop.pod.started);
    }
    sums.into_iter().max_by_key(|it| it.1).map(|it| it.0)
}

fn with_pods<'a>(
    ask: &Ask<'a, '_>,
    cni: Cni,
    traced: Vec<Traced<'a>>,
    count: PodCount,
    pods: &pods::Pods,
) -> Present<'a> {
    let hops: Vec<Hop<'a>> =
        traced.iter().filter(|it| it.cni == cni).map(|it| it.hop.clone()).collect();
    let modes = detector::of(cni).map(|it| (it.modes)(ask, &hops));
    let mut evidence = told(&traced, cni, &count, pods.source);
    let (confidence, why) = confidence(ask, cni, &count);
    evidence.extend(why);
    let modes = modes.unwrap_or_else(|| Modes::new(""));
    Present { cni, confidence, evidence, count, traced, modes, complete: pods.complete }
}

/// One sentence for each way in which pods are reached, the answer's own first.
fn told(traced: &[Traced<'_>], cni: Cni, count: &PodCount, source: &str) -> Vec<String> {
    let mut ways: Vec<(Cni, &str, usize, &Traced<'_>)> = Vec::new();
    for it in traced {
        match ways.iter_mut().find(|way| (way.0, way.1) == (it.cni, it.how.as_str())) {
            Some(way) => way.2 += 1,
            None => ways.push((it.cni, &it.how, 1, it)),
        }
    }
    ways.sort_by_key(|it| (it.0 != cni, usize::MAX - it.2));
    let all = count.seen;
    let sentence = |(of, how, pods, example): &(Cni, &str, usize, &Traced<'_>)| {
        let whose = if *of == cni { String::new() } else { format!("{of}: ") };
        let programs = programs(&example.hop);
        let way = example.hop.words();
        format!("{whose}{pods} of {all} pods ({source}): {how}; {way}{programs}")
    };
    ways.iter().map(sentence).collect()
}

/// The programs on a pod's link, with their hooks.
fn programs(hop: &Hop<'_>) -> String {
    let mut names: Vec<String> = hop
        .hooks
        .iter()
        .filter(|it| it.is_in_path())
        .map(|it| format!("{} at {}", it.called(), it.place.words()))
        .collect();
    names.truncate(4);
    if names.is_empty() { String::new() } else { format!(", with {}", names.join(" and ")) }
}

/// `cni-fingerprints.md` § 6.5.
fn confidence(ask: &Ask<'_, '_>, cni: Cni, count: &PodCount) -> (Confidence, Vec<String>) {
    let life = detector::of(cni).map(|it| ask.scene.life(it.party));
    let alive = life.is_some_and(super::life::Life::is_alive);
    let agrees = ask.next.cni == cni;
    let own = count.by_cni.get(&cni).copied().unwrap_or(0);
    let enough = count.traced >= 3 || count.traced * 2 >= count.seen;
    let mut why = Vec::new();
    if alive && let Some(sign) = life.and_then(|it| it.evidence().first()) {
        why.push(sign.clone());
    }
    if agrees {
        why.push("the CNI configuration names the same".into());
    }
    let level = match (alive || agrees, enough, own) {
        (true, true, _) => Confidence::High,
        (_, _, 2..) => Confidence::Medium,
        _ => Confidence::Low,
    };
    if ask.scene.hooks_known() || !depends_on_hooks(cni) {
        return (level, why);
    }
    why.push("not every hook could be read".into());
    (level.lower(), why)
}

/// Whether programs on the pods' links could change the answer.
fn depends_on_hooks(cni: Cni) -> bool {
    !matches!(cni, Cni::Antrea | Cni::OvnKubernetes | Cni::KubeOvn | Cni::Weave)
}

/// No pod to trace: what works in the kernel without one, with the agent and the configuration.
fn without_pods<'a>(
    ask: &Ask<'a, '_>,
    traced: Vec<Traced<'a>>,
    count: PodCount,
    pods: &pods::Pods,
) -> Present<'a> {
    let (cni, confidence, evidence) =
        by_base(ask).or_else(|| by_agent(ask)).unwrap_or_else(|| nothing(ask, &traced, count.seen));
    let modes = detector::of(cni).map(|it| (it.modes)(ask, &[]));
    let modes = modes.unwrap_or_else(|| Modes::new(""));
    Present { cni, confidence, evidence, count, traced, modes, complete: pods.complete }
}

type Answer = (Cni, Confidence, Vec<String>);

fn by_base(ask: &Ask<'_, '_>) -> Option<Answer> {
    detector::ALL.iter().find_map(|it| {
        let base = (it.base)(ask)?;
        let life = ask.scene.life(it.party);
        if life.is_dead() {
            return None;
        }
        let agrees = ask.next.cni == it.cni || ask.next.cni.runs_cilium() && it.cni == Cni::Cilium;
        let confidence =
            if life.is_alive() || agrees { Confidence::Medium } else { Confidence::Low };
        let cni = if agrees { ask.next.cni } else { it.cni };
        let mut evidence = vec!["no pod to trace".to_owned(), base];
        evidence.extend(life.evidence().first().cloned());
        Some((cni, confidence, evidence))
    })
}

/// The agent lives and the configuration names it. For Cilium that is not enough: without its
/// programs nothing is carried.
fn by_agent(ask: &Ask<'_, '_>) -> Option<Answer> {
    let detector: &Detector = detector::of(ask.next.cni)?;
    let life = ask.scene.life(detector.party);
    if !life.is_alive() || ask.next.cni.runs_cilium() {
        return None;
    }
    let mut evidence = vec!["no pod to trace".to_owned()];
    evidence.extend(life.evidence().first().cloned());
    evidence.push("the CNI configuration names the same".into());
    Some((ask.next.cni, Confidence::Medium, evidence))
}

fn nothing(ask: &Ask<'_, '_>, traced: &[Traced<'_>], seen: u32) -> Answer {
    if let Some(it) = traced.first() {
        let why = format!("{}: {}", it.hop.words(), it.how);
        return (Cni::Unknown, Confidence::None, vec![why]);
    }
    let network = &ask.scene.facts.network;
    let unread = [("links", network.links.failure()), ("routes", network.routes.failure())];
    if let Some((what, failure)) = unread.into_iter().find_map(|it| Some((it.0, it.1?))) {
        return (Cni::Unknown, Confidence::None, vec![format!("{what}: {}", failure.detail)]);
    }
    if seen > 0 {
        let why = format!("no route of the host leads to any of {seen} pods");
        return (Cni::Unknown, Confidence::None, vec![why]);
    }
    let dead = ask.scene.life(Party::Cilium).is_dead();
    let left = dead && !ask.scene.links_with(Party::Cilium).is_empty();
    if ask.next.cni == Cni::None && ask.next.broken.is_none() && !left {
        let why = vec!["no pod to trace, and no CNI configuration".to_owned()];
        return (Cni::None, ask.next.answer.confidence, why);
    }
    let why = "no pod to trace, and no live agent with a datapath in the kernel";
    (Cni::Unknown, Confidence::None, vec![why.to_owned()])
}

/// Pods by name, a few of them.
pub(super) fn names(pods: &[&Pod]) -> String {
    super::netfilter::few(&pods.iter().map(|it| it.called.clone()).collect::<Vec<_>>())
}
