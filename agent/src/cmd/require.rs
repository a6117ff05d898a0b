//! `--require`: another question than "can the target Cilium run here".

use std::convert::Infallible;
use std::str::FromStr;

use anyhow::bail;

use super::Answer;
use crate::judge::report::{FeatureStatus, Verdict};

/// What must hold for exit code 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Requirement {
    /// Cilium runs here, healthy.
    Ready,
    /// A Cilium feature, by its name in JSON.
    Feature(String),
}

impl FromStr for Requirement {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "ready" => Self::Ready,
            feature => Self::Feature(feature.to_owned()),
        })
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Feature(name) => f.write_str(name),
        }
    }
}

/// Answers the question: the requirement if there is one, else whether the target can run here.
pub(super) fn answer(
    verdict: &Verdict,
    requirement: Option<&Requirement>,
) -> anyhow::Result<Answer> {
    match requirement {
        None => Ok(verdict.cilium.capable.into()),
        Some(Requirement::Ready) => Ok(verdict.cilium.ready.into()),
        Some(Requirement::Feature(name)) => feature(verdict, name),
    }
}

fn feature(verdict: &Verdict, name: &str) -> anyhow::Result<Answer> {
    let features = &verdict.cilium.features;
    match features.get(name).map(|it| it.status) {
        Some(FeatureStatus::Supported) => Ok(Answer::Yes),
        Some(FeatureStatus::Unsupported) => Ok(Answer::No),
        Some(FeatureStatus::Unknown) => Ok(Answer::Unknown),
        None => bail!(
            "--require {name}: expected `ready` or a feature name, {}",
            suggestion(name, features.keys().map(String::as_str))
        ),
    }
}

/// Names near `wrong`, best first; all names when none is near.
fn suggestion<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let mut near: Vec<(f64, &str)> = names.map(|it| (nearness(&wrong, it), it)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best: Vec<&str> = near.iter().filter(|it| it.0 > 0.7).map(|it| it.1).take(3).collect();
    match (best.is_empty(), near.is_empty()) {
        (false, _) => format!("did you mean {}?", best.join(", ")),
        (true, false) => {
            let mut all: Vec<&str> = near.iter().map(|it| it.1).collect();
            all.sort_unstable();
            format!("one of: {}", all.join(", "))
        }
        (true, true) => "but no feature was judged".to_owned(),
    }
}

/// From 0 to 1; a part of the name is as near as a misspelling of it.
fn nearness(wrong: &str, name: &str) -> f64 {
    let part = !wrong.is_empty() && name.split('_').any(|it| it == wrong);
    if part { 0.9 } else { strsim::jaro_winkler(wrong, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["bandwidth_manager", "bbr", "wireguard", "xdp_acceleration"];

    #[test]
    fn a_misspelling_finds_its_name() {
        assert_eq!(suggestion("wiregard", NAMES.into_iter()), "did you mean wireguard?");
        assert_eq!(suggestion("XDP", NAMES.into_iter()), "did you mean xdp_acceleration?");
        assert_eq!(
            suggestion("bandwidth-manager", NAMES.into_iter()),
            "did you mean bandwidth_manager?"
        );
    }

    #[test]
    fn nonsense_gets_the_whole_list() {
        assert_eq!(
            suggestion("quux", NAMES.into_iter()),
            "one of: bandwidth_manager, bbr, wireguard, xdp_acceleration"
        );
    }
}
