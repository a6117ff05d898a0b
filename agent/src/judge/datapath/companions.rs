//! What is beside the datapath and is not it: meta plug-ins, observers, neighbours.

use super::netfilter;
use super::next::Next;
use super::party::Party;
use super::scene::Scene;
use crate::judge::report::{Companion, Role};

/// Names each once, with what shows it.
pub(super) fn companions(scene: &Scene<'_>, next: &Next) -> Vec<Companion> {
    let mut all: Vec<Companion> = Vec::new();
    if let Some((path, reading)) = &next.taken {
        reading.meta.iter().for_each(|it| add(&mut all, *it, format!("in {path}")));
    }
    if !netfilter::chains(scene.facts, &["ISTIO_POSTRT"]).is_empty() {
        add(&mut all, Party::Istio, "its chain ISTIO_POSTRT (ambient)".into());
    }
    for (party, links) in on_links(scene) {
        add(&mut all, party, format!("its programs are on {}", netfilter::few(&links)));
    }
    for (link, party) in
        [("nodelocaldns", Party::NodeLocalDns), ("pod-id-link0", Party::PodIdentity)]
    {
        if scene.link(link).is_some() {
            add(&mut all, party, format!("its link {link}"));
        }
    }
    all
}

/// Parties with programs on links that are no datapath, with those links.
fn on_links(scene: &Scene<'_>) -> Vec<(Party, Vec<String>)> {
    let parties = [
        Party::Retina,
        Party::Beyla,
        Party::InspektorGadget,
        Party::NetObserv,
        Party::AzureHelpers,
    ];
    let named = parties.map(|party| {
        let links = scene.links_with(party);
        (party, links.iter().map(|it| it.name.clone()).collect::<Vec<_>>())
    });
    named.into_iter().filter(|it| !it.1.is_empty()).collect()
}

fn add(all: &mut Vec<Companion>, party: Party, evidence: String) {
    match all.iter_mut().find(|it| it.name == party.as_str()) {
        Some(it) => it.evidence.push(evidence),
        None => all.push(Companion {
            name: party.as_str().to_owned(),
            role: party.role().unwrap_or(Role::Neighbour),
            evidence: vec![evidence],
        }),
    }
}
