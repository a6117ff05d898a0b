//! What the agents measured, as far as a cluster's report needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::works::WORKS;
use crate::facts::Observed;
use crate::facts::cluster::text::PREFIX;
use crate::facts::cluster::{Node, Text};
use crate::judge::releases::KNOWN;
use crate::judge::report::{
    Cni, Extent, FeatureStatus, Finding, Outcome, ProxyMode, Release, Severity, Ternary, Verdict,
};

/// By node name: what its agent said, or why it could not be asked. A node that is not here has no
/// agent. Nodes of one image say the same, which is there once.
pub type Measurements = BTreeMap<Text, Observed<Arc<Measured>>>;

/// What the agent of one node measured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// eBPF as a whole.
    pub ebpf: Extent,
    /// What carries the pods' packets.
    pub datapath: Cni,
    /// How it does.
    #[serde(default)]
    pub mode: Text,
    /// Who translates Services.
    pub service_proxy: ProxyMode,
    /// The release that `capable` is about; `None`: labels do not say.
    #[serde(default)]
    pub target: Option<Release>,
    /// Whether the target can run there.
    pub capable: Ternary,
    /// Whether Cilium runs there, healthy.
    pub ready: Ternary,
    /// Every known release.
    #[serde(default)]
    pub releases: BTreeMap<Release, Ternary>,
    /// What stands in the way of the target: ids of findings.
    #[serde(default)]
    pub blockers: Vec<Text>,
    /// What a cluster's matrix shows.
    #[serde(default)]
    pub features: BTreeMap<Text, FeatureStatus>,
    /// Given Cilium values that do not hold there, one sentence each.
    #[serde(default)]
    pub values: Vec<Text>,
    /// What contradicts the datapath.
    #[serde(default)]
    pub conflicts: Vec<Text>,
    /// What earlier datapaths left behind.
    #[serde(default)]
    pub leftovers: Vec<Text>,
}

/// Most sentences that are kept of each kind, and most bytes of one: a report comes from a node that
/// somebody may have taken over, and what is kept of it is kept for every node.
const MOST_SENTENCES: usize = 64;
const MOST_BYTES: usize = 512;

fn cut(text: &str) -> Text {
    text[..text.floor_char_boundary(MOST_BYTES)].into()
}

/// The answers about releases that anybody can ask about.
fn known_releases(told: &BTreeMap<Release, Ternary>) -> BTreeMap<Release, Ternary> {
    let asked = KNOWN.iter();
    asked.filter_map(|it| Some((*it, *told.get(it)?))).collect()
}

impl Measured {
    /// The verdict of an agent's report, in short.
    pub fn of(verdict: &Verdict) -> Self {
        let cilium = &verdict.cilium;
        let feature = |name: &&str| Some(((*name).into(), cilium.features.get(*name)?.status));
        let blockers = cilium.blockers.get(&cilium.target).map_or(&[][..], Vec::as_slice);
        let texts = |list: &[String]| list.iter().take(MOST_SENTENCES).map(|it| cut(it)).collect();
        Self {
            ebpf: verdict.ebpf.status,
            datapath: verdict.datapath.cni,
            mode: cut(&verdict.datapath.mode),
            service_proxy: verdict.service_proxy.mode,
            target: Some(cilium.target),
            capable: cilium.capable,
            ready: cilium.ready,
            releases: known_releases(&cilium.releases),
            blockers: texts(blockers),
            features: WORKS.iter().filter_map(feature).collect(),
            values: cilium.values.iter().filter_map(against).take(MOST_SENTENCES).collect(),
            conflicts: texts(&verdict.datapath.conflicts),
            leftovers: texts(&verdict.datapath.leftovers),
        }
    }

    /// Whether a release can run there, and what stands in the way.
    pub fn capable_of(&self, release: Release) -> Ternary {
        if self.target == Some(release) {
            return self.capable;
        }
        self.releases.get(&release).copied().unwrap_or(Ternary::Unknown)
    }

    /// What the agent's labels on a Node say; `None`: there are none of an agent.
    ///
    /// The controller labels Fargate nodes itself, with the word `false` where an agent says `no`:
    /// those labels measure nothing.
    pub fn from_labels(node: &Node) -> Option<Self> {
        let label = |key: &str| node.metadata.labels.get(&format!("{PREFIX}{key}"));
        let ebpf = label("ebpf")?;
        if label("cilium-capable").is_some_and(|it| it == "false") {
            return None;
        }
        Some(Self {
            ebpf: word(ebpf).unwrap_or(Extent::Unknown),
            // `+` is no character of a label value.
            datapath: label("datapath")
                .and_then(|it| word(&it.replace('_', "+")))
                .unwrap_or(Cni::Unknown),
            mode: Text::default(),
            service_proxy: label("service-proxy")
                .and_then(|it| word(it))
                .unwrap_or(ProxyMode::Unknown),
            target: None,
            capable: label("cilium-capable").and_then(|it| word(it)).unwrap_or(Ternary::Unknown),
            ready: label("cilium-ready").and_then(|it| word(it)).unwrap_or(Ternary::Unknown),
            releases: BTreeMap::new(),
            blockers: Vec::new(),
            features: BTreeMap::new(),
            values: Vec::new(),
            conflicts: Vec::new(),
            leftovers: Vec::new(),
        })
    }
}

/// A member of a closed set by its JSON word; `None`: not a member, so a newer agent wrote it.
fn word<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// What a value's finding says, if it speaks against the value.
fn against(finding: &Finding) -> Option<Text> {
    let fails = finding.outcome == Outcome::Fail && finding.severity != Severity::Advisory;
    let value = finding.value.as_deref().unwrap_or(&finding.rule);
    fails.then(|| cut(&format!("{value}: {}", finding.message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(pairs: &[(&str, &str)]) -> Node {
        let mut node = Node::default();
        node.metadata.labels =
            pairs.iter().map(|(key, value)| (Text::from(*key), Text::from(*value))).collect();
        node
    }

    #[test]
    fn labels_say_what_the_agent_measured() {
        let node = labelled(&[
            ("bpfready.io/ebpf", "full"),
            ("bpfready.io/datapath", "aws-vpc-cni_cilium"),
            ("bpfready.io/service-proxy", "iptables"),
            ("bpfready.io/cilium-capable", "yes"),
        ]);
        let measured = Measured::from_labels(&node).unwrap();
        assert_eq!(measured.ebpf, Extent::Full);
        assert_eq!(measured.datapath, Cni::AwsVpcCniCilium);
        assert_eq!(measured.service_proxy, ProxyMode::Iptables);
        assert_eq!((measured.capable, measured.ready), (Ternary::Yes, Ternary::Unknown));
    }

    #[test]
    fn a_word_of_a_newer_agent_is_unknown_and_no_labels_are_no_agent() {
        let node = labelled(&[("bpfready.io/ebpf", "most"), ("bpfready.io/datapath", "warp")]);
        let measured = Measured::from_labels(&node).unwrap();
        assert_eq!((measured.ebpf, measured.datapath), (Extent::Unknown, Cni::Unknown));
        assert_eq!(Measured::from_labels(&labelled(&[])), None);
        let controllers = [("bpfready.io/ebpf", "none"), ("bpfready.io/cilium-capable", "false")];
        assert_eq!(Measured::from_labels(&labelled(&controllers)), None);
    }
}
