//! Who enforces network policy.

use super::detector;
use super::life::Life;
use super::netfilter;
use super::party::Party;
use super::present::Present;
use super::scene::Scene;
use crate::judge::report::{Answer, Cni, Confidence};

/// The engines, and what shows them.
pub(super) struct Policy {
    pub(super) engines: Vec<Party>,
    /// `cilium`, `aws-network-policy-agent+calico`, `none`, `unknown`, …
    pub(super) word: String,
    pub(super) answer: Answer,
}

/// One engine that works here, if it does: its party and what shows it.
type Sign = (Party, String);

/// Asks every engine.
pub(super) fn policy(scene: &Scene<'_>, present: &Present<'_>) -> Policy {
    let asked = [cilium(scene, present), aws(scene), calico(scene, present)];
    let signs: Vec<Sign> =
        asked.into_iter().flatten().chain(switches(present)).chain(chains(scene)).collect();
    let engines: Vec<Party> = signs.iter().map(|it| it.0).collect();
    let evidence: Vec<String> = signs.into_iter().map(|it| it.1).collect();
    if engines.is_empty() {
        return nobody(scene, present);
    }
    let sure = engines.iter().any(|it| scene.life(*it).is_alive());
    let confidence = if sure { Confidence::High } else { Confidence::Medium };
    let names: Vec<&str> = engines.iter().map(|it| it.as_str()).collect();
    Policy { word: names.join("+"), engines, answer: Answer { confidence, evidence } }
}

fn nobody(scene: &Scene<'_>, present: &Present<'_>) -> Policy {
    // Cilium's programs are there, and whether they carry pods could not be told.
    let open = present.cni == Cni::Unknown && !scene.links_with(Party::Cilium).is_empty();
    let known = netfilter::all_known(scene.facts) && scene.hooks_known() && !open;
    let (word, confidence, why) = match known {
        true => ("none", Confidence::Medium, "no engine's programs, chains or tables are here"),
        false => {
            ("unknown", Confidence::None, "not every hook, chain and way of a pod could be read")
        }
    };
    let answer = Answer { confidence, evidence: vec![why.to_owned()] };
    Policy { engines: Vec::new(), word: word.to_owned(), answer }
}

fn cilium(scene: &Scene<'_>, present: &Present<'_>) -> Option<Sign> {
    let carries = present.cni.runs_cilium();
    let gone = scene.life(Party::Cilium).is_dead();
    (carries && !gone).then(|| (Party::Cilium, "Cilium's programs are on the pods' way".into()))
}

/// Its filters stay after it was switched off, so they count only while its agent may live.
fn aws(scene: &Scene<'_>) -> Option<Sign> {
    let links = scene.links_with(Party::AwsPolicyAgent);
    if links.is_empty() || scene.life(Party::AwsPolicyAgent).is_dead() {
        return None;
    }
    let count = links.len();
    Some((
        Party::AwsPolicyAgent,
        format!("its filters are on {count} links, such as {}", links[0].name),
    ))
}

/// Its own datapath always has it; on another CNI's links it shows by its objects, unless its agent
/// is gone: Felix may listen on another port than the usual one.
fn calico(scene: &Scene<'_>, present: &Present<'_>) -> Option<Sign> {
    let own = matches!(present.cni, Cni::Calico | Cni::Canal);
    let life = scene.life(Party::Calico);
    if life.is_dead() {
        return None;
    }
    let words = match detector::calico_dataplane(scene) {
        Some("ebpf") => "Calico's eBPF programs are attached",
        Some("nftables") => "Calico's nftables tables are there",
        Some(_) => "Calico's chains are there",
        None if own => "Calico carries the pods",
        None => return None,
    };
    let open = match life {
        Life::Unknown(_) if !own => "; whether its agent runs could not be told",
        _ => "",
    };
    Some((Party::Calico, format!("{words}{open}")))
}

/// Engines that are one with the switch that carries the pods.
fn switches(present: &Present<'_>) -> Option<Sign> {
    let party = match present.cni {
        Cni::Antrea => Party::Antrea,
        Cni::OvnKubernetes => Party::OvnKubernetes,
        Cni::KubeOvn => Party::KubeOvn,
        _ => return None,
    };
    Some((party, "the switch that carries the pods enforces it".to_owned()))
}

/// Engines that show by their chains or tables; k3s has kube-router's within its own process.
fn chains(scene: &Scene<'_>) -> Vec<Sign> {
    const CHAINS: [(&[&str], Party); 3] = [
        (&["KUBE-NWPLCY-", "KUBE-POD-FW-", "KUBE-ROUTER-"], Party::KubeRouter),
        (&["WEAVE-NPC"], Party::Weave),
        (&["AZURE-NPM"], Party::AzureCni),
    ];
    let mut signs: Vec<Sign> = Vec::new();
    for (starts, party) in CHAINS {
        let found = netfilter::chains(scene.facts, starts);
        if let Some(first) = found.first()
            && !scene.life(party).is_dead()
        {
            signs.push((party, format!("its chains are there: {}", first.words())));
        }
    }
    let kindnet = netfilter::tables(scene.facts, "kindnet-network-policies");
    if !kindnet.is_empty() && !scene.life(Party::Kindnet).is_dead() {
        signs.push((Party::Kindnet, "its table kindnet-network-policies is there".into()));
    }
    signs
}
