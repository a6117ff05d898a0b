//! `bpfready check`: one look at this node, judged and printed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::host::HostArgs;
use super::output::Color;
use super::require::{self, Requirement};
use super::{Answer, output, progress, terminal, values};
use crate::judge::report::Release;
use crate::judge::{NodeReport, Policy, judge};
use crate::observe::snapshot;
use crate::publish::{self, text::View};

/// Look at this node once: can it do eBPF, and can Cilium run here?
///
/// Asks the kernel itself, never compares version numbers. Nothing is attached and nothing stays
/// behind. Runs without any rights; what could not be told for lack of them is said so.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How to print the report
    #[arg(short, long, env = "BPFREADY_OUTPUT", value_enum, default_value_t = Format::Text)]
    output: Format,
    /// The Cilium release in question, such as 1.18
    ///
    /// Without it: the release that runs here, else the newest known.
    #[arg(long, env = "BPFREADY_TARGET_CILIUM", value_name = "RELEASE")]
    target_cilium: Option<Release>,
    /// Judge exactly what this Cilium configuration asks of this node
    ///
    /// Helm values, or the ConfigMap `cilium-config` as YAML. A value that would stop Cilium here
    /// makes the answer no.
    #[arg(long, env = "BPFREADY_CILIUM_VALUES", value_name = "FILE")]
    cilium_values: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
    /// Exit with 0 only if this holds: `ready` (Cilium runs here, healthy) or a feature
    ///
    /// Features by their name in the JSON report, such as `wireguard` or `bandwidth-manager`.
    #[arg(long, env = "BPFREADY_REQUIRE", value_name = "ready|FEATURE")]
    require: Option<Requirement>,
    /// When to colour
    #[arg(long, env = "BPFREADY_COLOR", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

const EXAMPLES: &str = "\
Examples:
  bpfready check                                 can the newest Cilium run here?
  bpfready check --target-cilium 1.17            can Cilium 1.17?
  bpfready check --require wireguard             does WireGuard encryption work here?
  bpfready check --cilium-values values.yaml     does this configuration work here?
  bpfready check -o json | jq .verdict.cilium    the same for machines
  bpfready check --recording ./node-a            judge what `bpfready record` wrote

Exit codes:
  0  yes: the target Cilium can run here (with --require: that holds)
  1  no
  2  could not tell, or an error
";

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The whole report (bpfready.io/v1 NodeReport)
    Json,
    /// The JSON of `bpftool -j feature probe kernel`, and more
    Bpftool,
    /// Metrics in the text format that Prometheus scrapes
    Prometheus,
    /// The Node's labels, one `key=value` a line
    Labels,
}

/// Looks, judges, prints and answers.
///
/// # Errors
///
/// When the host or the values cannot be read, `--require` names nothing that was judged, or standard output
/// cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Answer> {
    let values = args.cilium_values.as_deref().map(values::read).transpose()?;
    let host = args.host.open()?;
    let facts = progress::during("asking the kernel", || snapshot(&host));
    let report = judge(facts, &Policy { target: args.target_cilium, values });
    // A wrong `--require` is an error before anything is printed.
    let answer = require::answer(&report.verdict, args.require.as_ref())?;
    let required = args.require.as_ref().map(|it| (it.to_string(), answer.into()));
    let view = View { columns: terminal::columns(), required };
    output::print(&render(args.output, &report, &view)?, args.color)?;
    Ok(answer)
}

fn render(format: Format, report: &NodeReport, view: &View) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => publish::text::render(report, view),
        Format::Json => publish::json::render(report)?,
        Format::Bpftool => publish::bpftool::render(&report.facts)?,
        Format::Prometheus => publish::prometheus::render(report)?,
        Format::Labels => publish::labels::render(report),
    })
}
