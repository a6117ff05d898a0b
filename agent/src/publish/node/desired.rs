//! What the Node should say, from the report alone.

use std::collections::BTreeMap;

use super::message;
use crate::judge::NodeReport;
use crate::judge::report::{Extent, Ternary, Verdict};
use crate::publish::labels::{label_value, labels_under};
use crate::publish::names::{PREFIX, condition, label};

/// What the owner of the cluster chose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Prefix of labels, conditions and taint; it ends with `/`.
    pub prefix: String,
    /// What must hold before the startup taint goes; `None`: no taint is touched.
    pub gate: Option<Gate>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: PREFIX.to_owned(), gate: None }
    }
}

impl Settings {
    /// A key under the prefix.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What must hold before the startup taint goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The condition `EbpfReady` is True.
    Ebpf,
    /// The condition `CiliumReady` is True.
    Cilium,
}

/// `status` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Could not tell.
    Unknown,
}

impl Status {
    /// The word that Kubernetes writes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<Ternary> for Status {
    fn from(ternary: Ternary) -> Self {
        match ternary {
            Ternary::Yes => Self::True,
            Ternary::No => Self::False,
            Ternary::Unknown => Self::Unknown,
        }
    }
}

/// Part of eBPF is not what a node needs to carry packets.
impl From<Extent> for Status {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Full => Self::True,
            Extent::Partial | Extent::None => Self::False,
            Extent::Unknown => Self::Unknown,
        }
    }
}

/// A condition as it should be; when it was written is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCondition {
    /// The whole type, such as `bpfready.io/EbpfReady`.
    pub kind: String,
    /// Whether it holds.
    pub status: Status,
    /// CamelCase, of a closed list.
    pub reason: String,
    /// For people, with the first remedy.
    pub message: String,
}

/// The complete desired state of the agent's part of a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Every label of the agent.
    pub labels: BTreeMap<String, String>,
    /// Every condition of the agent.
    pub conditions: Vec<WantedCondition>,
    /// Key of the startup taint.
    pub taint: String,
    /// Whether the startup taint may go.
    pub is_gate_open: bool,
    /// Key of the label by which the Node's owner promises a datapath.
    pub promise: String,
    /// Key of the label that says what kind of machine this is; its value follows from the Node.
    pub compute: String,
    /// The datapath, as a label value; `unknown`: could not tell.
    pub datapath: String,
}

/// Computes it.
pub fn desired(report: &NodeReport, settings: &Settings) -> Desired {
    let verdict = &report.verdict;
    let ebpf = ebpf_ready(verdict, settings);
    let cilium = cilium_ready(verdict, settings);
    let gate = match settings.gate {
        Some(Gate::Ebpf) => ebpf.status,
        Some(Gate::Cilium) => cilium.status,
        None => Status::Unknown,
    };
    Desired {
        labels: labels_under(&settings.prefix, report),
        conditions: vec![ebpf, cilium],
        taint: settings.key(label::STARTUP_TAINT),
        is_gate_open: gate == Status::True,
        promise: settings.key(label::EXPECT_DATAPATH),
        compute: settings.key(label::COMPUTE),
        datapath: label_value(verdict.datapath.cni.as_str()),
    }
}

/// Whether the kernel can carry packets by eBPF. Tracing and LSM are told and do not count: hardly
/// any node has the BPF LSM switched on, and none needs it to carry packets.
fn ebpf_ready(verdict: &Verdict, settings: &Settings) -> WantedCondition {
    let ebpf = &verdict.ebpf;
    WantedCondition {
        kind: settings.key(condition::EBPF_READY),
        status: ebpf.datapath.into(),
        reason: ebpf.datapath_why.reason.as_str().to_owned(),
        message: message::ebpf(verdict),
    }
}

fn cilium_ready(verdict: &Verdict, settings: &Settings) -> WantedCondition {
    let reason = verdict.cilium.ready_why.as_ref().map_or("NotDetected", |it| it.reason.as_str());
    WantedCondition {
        kind: settings.key(condition::CILIUM_READY),
        status: verdict.cilium.ready.into(),
        reason: reason.to_owned(),
        message: message::cilium(verdict),
    }
}
