//! The command line: what each command does with the layers. One file a command.

#[cfg(feature = "kubernetes")]
pub mod agent;
mod allocator;
pub mod check;
#[cfg(feature = "kubernetes")]
pub mod cluster;
#[cfg(feature = "kubernetes")]
pub mod controller;
mod host;
mod logging;
mod output;
mod progress;
pub mod record;
mod require;
mod terminal;
#[cfg(feature = "kubernetes")]
mod token;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::judge::report::Ternary;
use logging::LogFormat;

/// Tells whether this node can run eBPF and Cilium, by asking its kernel.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to log on stderr, by target; by default nothing, of agent and controller `info`
    ///
    /// Examples: `debug`, `info,bpfready::observe=trace`. Without it, RUST_LOG is asked.
    #[arg(
        long,
        global = true,
        env = "BPFREADY_LOG",
        value_name = "FILTER",
        hide_env_values = true
    )]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    #[cfg(feature = "kubernetes")]
    Agent(Box<agent::Args>),
    #[cfg(feature = "kubernetes")]
    Controller(Box<controller::Args>),
    #[cfg(feature = "kubernetes")]
    Cluster(cluster::Args),
    Record(record::Args),
}

impl Command {
    /// What is logged unless something else is asked for, and in which form.
    fn logging(&self) -> (Option<&'static str>, LogFormat) {
        match self {
            #[cfg(feature = "kubernetes")]
            Self::Agent(args) => (Some("info"), args.log_format),
            #[cfg(feature = "kubernetes")]
            Self::Controller(args) => (Some("info"), args.log_format),
            #[cfg(feature = "kubernetes")]
            Self::Cluster(_) => (None, LogFormat::Text),
            Self::Check(_) | Self::Record(_) => (None, LogFormat::Text),
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  yes: the question of the command is answered with yes
  1  no
  2  could not tell, or an error
";

/// The answer to a command's question, which becomes its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 0.
    Yes,
    /// 1.
    No,
    /// 2, as for every error.
    Unknown,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
            Answer::Unknown => Self::from(2),
        }
    }
}

impl From<Ternary> for Answer {
    fn from(ternary: Ternary) -> Self {
        match ternary {
            Ternary::Yes => Self::Yes,
            Ternary::No => Self::No,
            Ternary::Unknown => Self::Unknown,
        }
    }
}

impl From<Answer> for Ternary {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::Yes,
            Answer::No => Self::No,
            Answer::Unknown => Self::Unknown,
        }
    }
}

/// Runs one command to its end.
///
/// # Errors
///
/// Whatever keeps the command from giving an answer: input that is not there or is malformed,
/// output that cannot be written.
pub fn run(cli: Cli) -> anyhow::Result<Answer> {
    let (default, format) = cli.command.logging();
    logging::start(cli.log.as_deref(), default, format)?;
    allocator::frugal();
    match cli.command {
        Command::Check(args) => check::run(&args),
        #[cfg(feature = "kubernetes")]
        Command::Agent(args) => agent::run(&args),
        #[cfg(feature = "kubernetes")]
        Command::Controller(args) => controller::run(&args),
        #[cfg(feature = "kubernetes")]
        Command::Cluster(args) => cluster::run(args),
        Command::Record(args) => record::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// clap's own check of the whole tree: clashing names, impossible groups.
    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
