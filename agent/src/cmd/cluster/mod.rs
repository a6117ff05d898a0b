//! `bpfready cluster`: one look at a whole cluster, judged and printed.

mod fail_on;
mod objects;
mod query;
pub(super) mod reports;
pub(super) mod source;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::output::{self, Color};
use super::{Answer, terminal, values};
use crate::facts::cluster::Cluster;
use crate::facts::cluster::text::PREFIX;
use crate::judge::ClusterReport;
use crate::judge::cluster::fargate::Assumption;
use crate::judge::cluster::karpenter::proposal::proposal;
use crate::judge::cluster::{Datapaths, Measurements, Policy, judge};
use crate::judge::report::Release;
use crate::publish::cluster as publish;
use fail_on::FailOn;
use query::Query;
use source::{Agents, SourceArgs};

/// Look at a whole cluster once: which nodes can run Cilium, which do, and what is in the way?
///
/// Reads the API server by a kubeconfig, and the agents' reports where they can be reached. Writes
/// nothing.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    asked: AskedArgs,
    /// How to print the report
    #[arg(short, long, env = "BPFREADY_OUTPUT", value_enum, default_value_t = Format::Text)]
    output: Format,
    /// When to exit with 1; default `error`, with `-o terraform` `never`
    #[arg(long, env = "BPFREADY_FAIL_ON", value_enum)]
    fail_on: Option<FailOn>,
    /// When to colour
    #[arg(long, env = "BPFREADY_COLOR", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Print a NodePool that promises Cilium and holds pods back until it runs
    ///
    /// Made of the pool NAME, as a new pool beside it: an edit of a pool's template replaces its
    /// nodes. Says how many that would be. Writes nothing.
    Nodepool {
        /// The NodePool
        name: String,
        #[command(flatten)]
        source: SourceArgs,
    },
}

/// What is asked about the cluster.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct AskedArgs {
    /// The Cilium release in question, such as 1.18
    ///
    /// Without it: the release that is installed, else the newest known.
    #[arg(long, env = "BPFREADY_TARGET_CILIUM", value_name = "RELEASE")]
    pub(super) target_cilium: Option<Release>,
    /// Judge on every node what this Cilium configuration asks of it
    #[arg(long, env = "BPFREADY_CILIUM_VALUES", value_name = "FILE")]
    pub(super) cilium_values: Option<PathBuf>,
    /// Whether any Fargate forbids Cilium on the other nodes
    #[arg(long, env = "BPFREADY_POLICY", value_enum, default_value_t = PolicyArg::Advisory)]
    pub(super) policy: PolicyArg,
    /// Whether Cilium is wanted; without it: whether it is set up
    #[arg(long, env = "BPFREADY_ENABLE_CILIUM", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) enable_cilium: Option<bool>,
    /// Whether Fargate is wanted; without it: whether it is there
    #[arg(long, env = "BPFREADY_ENABLE_FARGATE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) enable_fargate: Option<bool>,
    /// What is assumed of Fargate nodes from which no agent reports
    #[arg(long, env = "BPFREADY_FARGATE_EBPF", value_enum, default_value_t = FargateArg::None)]
    pub(super) fargate_ebpf: FargateArg,
    /// How long a node may wait at its gate before it counts as stuck, in seconds
    #[arg(long, env = "BPFREADY_GATE_PATIENCE", value_name = "SECONDS", default_value_t = 600)]
    pub(super) gate_patience: u32,
}

/// Whether any Fargate forbids Cilium elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PolicyArg {
    /// No: it is told what does not work together
    Advisory,
    /// Yes: all pods of a cluster have one datapath
    StrictClusterWide,
}

/// What is assumed of Fargate nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FargateArg {
    /// No eBPF: no container there may load a program
    None,
    /// Nothing
    Unknown,
}

impl AskedArgs {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            target: self.target_cilium,
            datapaths: match self.policy {
                PolicyArg::Advisory => Datapaths::Advisory,
                PolicyArg::StrictClusterWide => Datapaths::StrictClusterWide,
            },
            enable_cilium: self.enable_cilium,
            enable_fargate: self.enable_fargate,
            fargate: match self.fargate_ebpf {
                FargateArg::None => Assumption::None,
                FargateArg::Unknown => Assumption::Unknown,
            },
            gate_patience_seconds: self.gate_patience,
        }
    }

    /// What an agent's report is judged by.
    pub(super) fn node_policy(&self) -> anyhow::Result<crate::judge::Policy> {
        let values = self.cilium_values.as_deref().map(values::read).transpose()?;
        Ok(crate::judge::Policy { target: self.target_cilium, values })
    }
}

const EXAMPLES: &str = "\
Examples:
  bpfready cluster                                  what is here, and what to do?
  bpfready cluster --target-cilium 1.20             can every node run Cilium 1.20?
  bpfready cluster --cilium-values values.yaml      does this configuration work everywhere?
  bpfready cluster --policy strict-cluster-wide     with one datapath for all pods
  bpfready cluster -o markdown > report.md
  bpfready cluster nodepool default                 a NodePool for Cilium, beside this one
  kubectl get nodes,pods,ds,deploy,netpol,crd -A -o yaml | bpfready cluster --objects -

Exit codes:
  0  nothing that --fail-on names
  1  something that --fail-on names
  2  could not tell, or an error
";

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The whole report (bpfready.io/v1 ClusterReport)
    Json,
    /// For a ticket or a wiki
    Markdown,
    /// The protocol of Terraform's `external` data source; a query on standard input wins over flags
    Terraform,
}

/// Looks, judges, prints and answers.
///
/// # Errors
///
/// When there is no way to the API server, the values or objects cannot be read, or standard output
/// cannot be written. What single requests could not get is in the report.
pub fn run(args: Args) -> anyhow::Result<Answer> {
    let Args { command, mut source, mut asked, output, fail_on, color } = args;
    if let Some(Sub::Nodepool { name, source }) = command {
        return nodepool(&name, &source);
    }
    if output == Format::Terraform {
        Query::of_stdin()?.apply(&mut source, &mut asked)?;
    }
    let node_policy = asked.node_policy()?;
    let (cluster, measurements) = source.look(node_policy)?;
    let report = judge(&cluster, &measurements, &asked.policy());
    output::print(&render(output, &report)?, color)?;
    let default = if output == Format::Terraform { FailOn::Never } else { FailOn::Error };
    Ok(fail_on::answer(&report, fail_on.unwrap_or(default)))
}

fn render(format: Format, report: &ClusterReport) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => publish::text::render(report, terminal::columns()),
        Format::Json => publish::json::render(report)?,
        Format::Markdown => publish::markdown::render(report)?,
        Format::Terraform => publish::terraform::render(report)?,
    })
}

fn nodepool(name: &str, source: &SourceArgs) -> anyhow::Result<Answer> {
    // No measurement changes what a NodePool ought to say.
    let source = SourceArgs { agents: Agents::Labels, ..source.clone() };
    let (cluster, _): (Cluster, Measurements) = source.look(crate::judge::Policy::default())?;
    if let Some(failure) = cluster.node_pools.failure() {
        anyhow::bail!("cannot read the NodePools: {}", failure.detail);
    }
    let page = publish::nodepool::render(&proposal(&cluster, name)).context("cannot print")?;
    // Every key with our prefix in it is one of ours, as it is written on this cluster's objects.
    output::print(&page.replace(PREFIX, &source.prefix), Color::Never)?;
    Ok(Answer::Yes)
}
