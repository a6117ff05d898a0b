//! Logs: on stderr, and only when asked for.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// kube's client calls every request that was not answered an error, without saying which; who sent
/// it says so with its meaning.
const NOISE: &str = "kube_client::client::builder";

/// Starts logging by `filter`, else by `RUST_LOG`, else by `default`, else not at all.
pub(super) fn start(
    filter: Option<&str>,
    default: Option<&str>,
    format: LogFormat,
) -> anyhow::Result<()> {
    let from_environment = || std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let asked = filter.map(str::to_owned).or_else(from_environment);
    let Some(filter) = asked.or_else(|| default.map(str::to_owned)) else { return Ok(()) };
    let quiet =
        if filter.contains("kube_client") { String::new() } else { format!(",{NOISE}=off") };
    let filter = EnvFilter::builder()
        .parse(filter.clone() + &quiet)
        .with_context(|| format!("log filter {filter:?}: expected a level or target=level"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colours).init();
        }
    }
    Ok(())
}
