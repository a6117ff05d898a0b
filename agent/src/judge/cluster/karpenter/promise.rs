//! The label `bpfready.io/expect-datapath` in a NodePool's template: pods select it, Karpenter makes
//! nodes for it, and only a look at the nodes tells whether it is true.

use serde::{Deserialize, Serialize};

use super::{Check, rules};
use crate::facts::cluster::Text;
use crate::facts::cluster::karpenter::NodePool;
use crate::judge::cluster::findings::count;
use crate::judge::cluster::nodes::NodeLine;
use crate::judge::report::{Cni, Ternary};

/// The label that promises a datapath.
pub const PROMISE: &str = "bpfready.io/expect-datapath";

/// What a pool promises, and whether its nodes keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The datapath, such as `cilium`.
    pub datapath: Text,
    /// Nodes that keep it.
    pub kept: usize,
    /// Nodes that break it.
    pub broken: Vec<Text>,
    /// Nodes of which nobody knows.
    pub unknown: usize,
}

/// The promise of a pool: of its labels, else of a requirement with one value.
pub(super) fn promise(pool: &NodePool, nodes: &[&NodeLine]) -> Option<Promise> {
    let template = &pool.spec.template;
    let required = || {
        let it = template.spec.requirements.iter().find(|it| it.key == PROMISE)?;
        it.values.first().filter(|_| it.values.len() == 1)
    };
    let datapath = template.metadata.labels.get(PROMISE).or_else(required)?.clone();
    let mut promise = Promise { datapath, kept: 0, broken: Vec::new(), unknown: 0 };
    for node in nodes {
        match keeps(node, &promise.datapath) {
            Ternary::Yes => promise.kept += 1,
            Ternary::No => promise.broken.push(node.name.clone()),
            Ternary::Unknown => promise.unknown += 1,
        }
    }
    Some(promise)
}

/// `+` is no character of a label value: `aws-vpc-cni_cilium` promises `aws-vpc-cni+cilium`.
fn keeps(node: &NodeLine, promised: &str) -> Ternary {
    match node.datapath {
        // A node that has no pod yet has broken nothing.
        Cni::Unknown | Cni::None => Ternary::Unknown,
        cni if cni.as_str().replace('+', "_") == promised.replace('+', "_") => Ternary::Yes,
        _ => Ternary::No,
    }
}

pub(super) fn check(promise: &Promise) -> Option<Check> {
    let Promise { datapath, kept, broken, .. } = promise;
    (!broken.is_empty()).then(|| {
        let all = kept + broken.len();
        rules::PROMISE_BROKEN.check(
            format!(
                "promises {datapath}, and {} of {} {} another datapath",
                broken.len(),
                count(all, "node"),
                if broken.len() == 1 { "has" } else { "have" }
            ),
            "Look why on one of them (`bpfready check`); pods that select the promise run there.",
        )
    })
}
