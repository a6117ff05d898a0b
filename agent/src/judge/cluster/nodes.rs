//! One node of the report: what it is, what is known of it, and who says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Policy;
use super::compute::{Compute, compute};
use super::fargate::Assumption;
use super::measured::{Measured, Measurements};
use crate::facts::Observed;
use crate::facts::cluster::{Cluster, Interner, Node, Text};
use crate::judge::report::{Cni, Extent, ProxyMode, Release, Ternary};

/// One node of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeLine {
    /// `metadata.name`.
    pub name: Text,
    /// What kind of machine.
    pub compute: Compute,
    /// NodePool or node group; `None`: it names none.
    pub pool: Option<Text>,
    /// As kubelet says; decides nothing.
    pub kernel: Text,
    /// Its kernel is Windows'.
    pub windows: bool,
    /// Whether the platform lets Cilium run there, whatever the kernel can do.
    pub allows_cilium: bool,
    /// eBPF as a whole.
    pub ebpf: Extent,
    /// What carries the pods' packets.
    pub datapath: Cni,
    /// How it does.
    pub mode: Text,
    /// Who translates Services.
    pub service_proxy: ProxyMode,
    /// Whether the target can run there.
    pub cilium_capable: Ternary,
    /// Whether Cilium runs there, healthy.
    pub cilium_ready: Ternary,
    /// Who says so.
    pub source: Source,
    /// Why the agent's report could not be had; `None`: it was, or nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_failure: Option<Text>,
    /// Why `cilium_capable` is no or unknown: ids of findings, or one sentence.
    pub why: Vec<Text>,
    /// What the agent measured, for what the matrix shows of the target's features; `None`: no report
    /// of it was had.
    #[serde(skip)]
    pub measured: Option<Arc<Measured>>,
}

/// Who says what is said about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Its agent's report.
    Report,
    /// The labels that its agent wrote; the report could not be reached.
    Labels,
    /// What kind of machine it is.
    Platform,
    /// Other objects of the API server: a pod of Cilium or of the VPC CNI on it.
    Api,
    /// Nobody.
    Nobody,
}

/// All nodes, in the order of the API server's answer.
pub(super) fn lines(
    cluster: &Cluster,
    measurements: &Measurements,
    policy: &Policy,
    target: Release,
) -> Vec<NodeLine> {
    let hints = Hints::of(cluster);
    // Thousands of nodes are told the same sentence.
    let mut sentences = Interner::default();
    let lines = Cluster::known(&cluster.nodes).iter().map(|it| {
        let measured = measurements.get(&it.metadata.name);
        let mut line = line(it, measured, &hints, policy, target);
        let told = line.why.iter_mut().chain(&mut line.report_failure);
        told.for_each(|it| sentences.share(it));
        line
    });
    lines.collect()
}

fn line(
    node: &Node,
    measured: Option<&Observed<Arc<Measured>>>,
    hints: &Hints<'_>,
    policy: &Policy,
    target: Release,
) -> NodeLine {
    let computed = compute(node);
    let mut line = NodeLine {
        name: node.metadata.name.clone(),
        compute: computed.compute,
        pool: computed.pool,
        kernel: node.status.node_info.kernel_version.clone(),
        windows: node.is_windows(),
        allows_cilium: computed.compute.allows_cilium() && !node.is_windows(),
        ebpf: Extent::Unknown,
        datapath: Cni::Unknown,
        mode: Text::default(),
        service_proxy: ProxyMode::Unknown,
        cilium_capable: Ternary::Unknown,
        cilium_ready: Ternary::Unknown,
        source: Source::Nobody,
        report_failure: None,
        why: Vec::new(),
        measured: None,
    };
    by_api(&mut line, hints);
    match measured {
        Some(Observed::Known(measured)) => by_report(&mut line, measured, target),
        Some(Observed::Unknown(failure)) => {
            line.report_failure = Some(failure.detail.as_str().into());
            by_labels(&mut line, node, policy);
        }
        None => by_labels(&mut line, node, policy),
    }
    by_platform(&mut line, policy);
    line
}

/// What the agent measured.
fn by_report(line: &mut NodeLine, measured: &Arc<Measured>, target: Release) {
    line.source = Source::Report;
    take(line, measured);
    line.cilium_capable = measured.capable_of(target);
    line.measured = Some(Arc::clone(measured));
    let about_target = measured.target == Some(target);
    if line.cilium_capable != Ternary::Yes && about_target {
        line.why = measured.blockers.iter().chain(&measured.values).cloned().collect();
    }
}

/// What the agent's labels say. They speak about the target that the agent was given, so a target
/// that was asked for here stays unknown.
fn by_labels(line: &mut NodeLine, node: &Node, policy: &Policy) {
    if let Some(labels) = Measured::from_labels(node) {
        line.source = Source::Labels;
        take(line, &labels);
        if policy.target.is_none() {
            line.cilium_capable = labels.capable;
        }
    }
    if line.cilium_capable == Ternary::Unknown {
        line.why = vec![match &line.report_failure {
            Some(failure) => format!("its agent could not be asked: {failure}").into(),
            None if line.source == Source::Labels => "its labels speak of another target".into(),
            None => "no agent reports from it".into(),
        }];
    }
}

/// A known datapath of the agent wins over what other objects suggest.
fn take(line: &mut NodeLine, measured: &Measured) {
    line.ebpf = measured.ebpf;
    if measured.datapath != Cni::Unknown {
        line.datapath = measured.datapath;
    }
    line.mode = measured.mode.clone();
    line.service_proxy = measured.service_proxy;
    if measured.ready != Ternary::Unknown {
        line.cilium_ready = measured.ready;
    }
}

/// What a Ready pod of Cilium or of the VPC CNI on the node says.
fn by_api(line: &mut NodeLine, hints: &Hints<'_>) {
    let cilium = hints.cilium_ready.contains(&line.name);
    let vpc_cni = hints.vpc_cni_ready.contains(&line.name);
    match (cilium, vpc_cni) {
        // Both run: who carries the packets, only the node itself can tell.
        (true, true) => line.cilium_ready = Ternary::Yes,
        (true, false) => (line.datapath, line.cilium_ready) = (Cni::Cilium, Ternary::Yes),
        (false, true) => line.datapath = Cni::AwsVpcCni,
        (false, false) => return,
    }
    line.source = Source::Api;
}

/// What holds there whatever a kernel could do. On Fargate the measured answer wins: that no agent
/// runs there is today's rule of the platform, not a law of nature.
fn by_platform(line: &mut NodeLine, policy: &Policy) {
    let measured = matches!(line.source, Source::Report | Source::Labels);
    if measured && line.compute == Compute::Fargate {
        line.allows_cilium = true;
        return;
    }
    if !line.allows_cilium {
        line.why = vec![because(line).into()];
        (line.cilium_capable, line.cilium_ready) = (Ternary::No, Ternary::No);
    }
    if measured {
        return;
    }
    match line.compute {
        Compute::Fargate => by_fargate(line, policy.fargate),
        Compute::AutoMode => (line.datapath, line.source) = (Cni::AwsVpcCni, Source::Platform),
        Compute::VirtualKubelet | Compute::Kwok => {
            (line.ebpf, line.datapath, line.source) = (Extent::None, Cni::None, Source::Platform);
        }
        _ if line.windows => (line.ebpf, line.source) = (Extent::None, Source::Platform),
        _ => {}
    }
}

fn by_fargate(line: &mut NodeLine, assumption: Assumption) {
    line.source = Source::Platform;
    line.datapath = Cni::AwsVpcCni;
    match assumption {
        Assumption::None => line.ebpf = Extent::None,
        Assumption::Unknown => {
            line.cilium_capable = Ternary::Unknown;
            line.cilium_ready = Ternary::Unknown;
            line.why = vec!["no agent reports from it, and nothing is assumed of Fargate".into()];
        }
    }
}

fn because(line: &NodeLine) -> &'static str {
    match line.compute {
        Compute::Fargate => "Fargate grants no container the right to load eBPF programs",
        Compute::AutoMode => "EKS Auto Mode supports no other CNI than its own",
        Compute::VirtualKubelet => "a virtual node has no kernel",
        Compute::Kwok => "a simulated node has no kernel",
        _ => "Windows nodes do not run Cilium",
    }
}

/// Nodes with a Ready pod of a CNI.
struct Hints<'a> {
    cilium_ready: BTreeSet<&'a Text>,
    vpc_cni_ready: BTreeSet<&'a Text>,
}

impl<'a> Hints<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let ready = |pods: &'a Observed<Vec<crate::facts::cluster::Pod>>| {
            let pods = Cluster::known(pods).iter().filter(|it| it.is_ready());
            pods.map(|it| &it.spec.node_name).collect()
        };
        Self {
            cilium_ready: ready(&cluster.cilium_pods),
            vpc_cni_ready: ready(&cluster.vpc_cni_pods),
        }
    }
}
