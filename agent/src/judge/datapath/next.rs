//! What the next pod will get: the configuration that the runtime takes, and what it sets up.

use super::plugins::{self, Reading};
use crate::facts::Observed;
use crate::facts::cni::{
    Choice, CniFacts, ConfContent, ConfFile, Network, RuntimeKind, SettingSource,
};
use crate::judge::report::{Answer, Cni, Confidence};

/// What the next pod will get, and what is wrong on the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) cni: Cni,
    pub(super) answer: Answer,
    /// The file that is taken, and how it reads.
    pub(super) taken: Option<(String, Reading)>,
    /// Why sandboxes fail, when they do.
    pub(super) broken: Option<Broken>,
}

/// Why the runtime cannot set up a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The first file cannot be loaded: path and what is wrong.
    FirstFile(String, String),
    /// The binary of a plug-in is in none of the runtime's directories.
    NoBinary { plugin: String, dirs: Vec<String> },
}

impl Next {
    fn unknown(why: impl Into<String>) -> Self {
        let answer = Answer { confidence: Confidence::None, evidence: vec![why.into()] };
        Self { cni: Cni::Unknown, answer, taken: None, broken: None }
    }

    fn none(confidence: Confidence, evidence: Vec<String>, broken: Option<Broken>) -> Self {
        let answer = Answer { confidence, evidence };
        Self { cni: Cni::None, answer, taken: None, broken }
    }
}

/// Reads the runtime's choice.
pub(super) fn next(facts: &CniFacts) -> Next {
    match &facts.choice {
        Observed::Unknown(failure) => {
            Next::unknown(format!("CNI configuration: {}", failure.detail))
        }
        Observed::Known(Choice::Nothing) => nothing(facts),
        Observed::Known(Choice::Broken(path)) => broken(facts, path),
        Observed::Known(Choice::Takes(path)) => takes(facts, path),
    }
}

/// No file: a node without network, unless the directory that was read is the wrong one.
fn nothing(facts: &CniFacts) -> Next {
    let dir = &facts.conf_dir.value;
    let others = match &facts.unread_dirs {
        Observed::Known(others) => others,
        Observed::Unknown(failure) => {
            let why = format!("{dir} holds no configuration, and another directory may");
            return Next::unknown(format!("{why}: {}", failure.detail));
        }
    };
    match (&facts.files, others.is_empty()) {
        (Observed::Known(Some(_)), true) if is_sure(facts) => {
            let why = format!("{dir} holds no configuration that the runtime reads");
            Next::none(sureness(facts), vec![why], None)
        }
        (Observed::Known(_), true) => Next::unknown(format!(
            "{dir} holds no configuration, and it may be the wrong directory"
        )),
        (Observed::Known(_), false) => {
            let others = others.join(", ");
            Next::unknown(format!("{dir} holds no configuration, but {others} does"))
        }
        (Observed::Unknown(failure), _) => Next::unknown(failure.detail.clone()),
    }
}

fn broken(facts: &CniFacts, path: &str) -> Next {
    let detail = match file(facts, path).map(|it| &it.content) {
        Some(Observed::Known(ConfContent::Broken { detail, .. })) => detail.clone(),
        _ => "it cannot be loaded".to_owned(),
    };
    let why = format!("{path} comes first and is broken ({detail}): containerd has no network");
    Next::none(sureness(facts), vec![why], Some(Broken::FirstFile(path.to_owned(), detail)))
}

fn takes(facts: &CniFacts, path: &str) -> Next {
    let Some(network) = network(facts, path) else {
        return Next::unknown(format!("{path} is taken, and could not be read"));
    };
    let Some(reading) = plugins::read(path, network) else {
        return Next::unknown(format!("{path} calls Multus, whose own network is not known"));
    };
    let evidence = vec![taken(facts, path, &reading)];
    if let Some((plugin, dirs)) = no_binary(facts, network) {
        let why = format!("{plugin} is not in {}: sandboxes fail", dirs.join(", "));
        let evidence = [evidence, vec![why]].concat();
        return Next::none(sureness(facts), evidence, Some(Broken::NoBinary { plugin, dirs }));
    }
    let confidence = match reading.cni {
        Cni::Unknown => Confidence::None,
        _ => sureness(facts),
    };
    let answer = Answer { confidence, evidence };
    let cni = reading.cni;
    Next { cni, answer, taken: Some((path.to_owned(), reading)), broken: None }
}

fn taken(facts: &CniFacts, path: &str, reading: &Reading) -> String {
    let reader = match facts.runtime.known().and_then(Option::as_ref).map(|it| it.kind) {
        Some(RuntimeKind::Containerd) => "containerd",
        Some(RuntimeKind::CriO) => "CRI-O",
        Some(RuntimeKind::CriDockerd) => "cri-dockerd",
        None => "the runtime",
    };
    format!("{reader} takes {path}: {}", reading.types.join(", "))
}

/// The first plug-in whose binary is in no directory, if all directories could be read.
fn no_binary(facts: &CniFacts, network: &Network) -> Option<(String, Vec<String>)> {
    let mut names: Vec<&str> = Vec::new();
    for dir in &facts.bin_dirs {
        // A directory that is not in this root may only not be mounted here.
        names.extend(dir.names.known()?.as_ref()?.iter().map(String::as_str));
    }
    if facts.bin_dirs.is_empty() {
        return None;
    }
    let outer = network.plugins.iter().map(|it| it.plugin_type.as_str());
    let inner = network.types().unwrap_or_default();
    let missing = outer.chain(inner).find(|it| !names.contains(it))?;
    let dirs = facts.bin_dirs.iter().map(|it| it.path.clone()).collect();
    Some((missing.to_owned(), dirs))
}

/// The configuration is decisive for the next pod where the directory is no guess.
fn sureness(facts: &CniFacts) -> Confidence {
    if is_sure(facts) { Confidence::High } else { Confidence::Medium }
}

fn is_sure(facts: &CniFacts) -> bool {
    !matches!(facts.conf_dir.source, SettingSource::Guess(_))
}

/// Whether the configuration that is taken sets up this CNI; where it could not be told which one
/// is, whether any does.
pub(super) fn may_take(facts: &CniFacts, next: &Next, cni: Cni) -> bool {
    match (&next.taken, &facts.choice) {
        (Some((_, reading)), _) => reading.cni == cni,
        (None, Observed::Unknown(_)) => networks(facts)
            .into_iter()
            .filter_map(|(path, network)| plugins::read(path, network))
            .any(|it| it.cni == cni),
        (None, Observed::Known(_)) => false,
    }
}

/// The file of this path.
pub(super) fn file<'a>(facts: &'a CniFacts, path: &str) -> Option<&'a ConfFile> {
    facts.files.known()?.as_ref()?.iter().find(|it| it.path == path)
}

/// The network in the file of this path.
pub(super) fn network<'a>(facts: &'a CniFacts, path: &str) -> Option<&'a Network> {
    match file(facts, path)?.content.known()? {
        ConfContent::Network(network) => Some(network),
        ConfContent::Broken { .. } => None,
    }
}

/// Every file that holds a network, in the runtime's order.
pub(super) fn networks(facts: &CniFacts) -> Vec<(&str, &Network)> {
    let files = facts.files.known().and_then(Option::as_ref).into_iter().flatten();
    let networks = files.filter_map(|it| Some((it.path.as_str(), network(facts, &it.path)?)));
    networks.collect()
}
