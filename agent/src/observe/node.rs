//! What the node's configuration and processes say, beside what its kernel says.

use super::{Host, Looks, agents, cni, networkd};
use crate::facts::agents::AgentFacts;
use crate::facts::cilium::CiliumStatus;
use crate::facts::cni::CniFacts;
use crate::facts::networkd::NetworkdFacts;
use crate::facts::{Observed, SourceRun};

/// What is told by files and by agents that are asked.
pub(super) struct Node {
    pub(super) cni: CniFacts,
    pub(super) agents: AgentFacts,
    pub(super) cilium: Observed<Option<CiliumStatus>>,
    pub(super) networkd: NetworkdFacts,
}

/// Looks at all of it: mostly waiting for agents, so it is done beside what computes.
pub(super) fn node(host: &Host) -> (Node, Vec<SourceRun>) {
    let mut looks = Looks::default();
    let (agents, cilium) = looks.many(
        "agents",
        || agents::agents(host),
        |failure| (AgentFacts::unknown(&failure), Observed::Unknown(failure)),
    );
    let cni = looks.many("cni", || cni::cni(host), |it| CniFacts::unknown(&it));
    let networkd =
        looks.many("networkd", || networkd::networkd(host), |it| NetworkdFacts::unknown(&it));
    (Node { cni, agents, cilium, networkd }, looks.into_runs())
}
