//! Logs: on stderr, and only when asked for.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt, registry};

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
    let from_environment = || std::env::var("RUST_LOG").ok();
    let asked = filter.map(str::to_owned).or_else(from_environment);
    let Some(filter) = asked.or_else(|| default.map(str::to_owned)) else { return Ok(()) };
    let quiet =
        if filter.contains("kube_client") { String::new() } else { format!(",{NOISE}=off") };
    let targets: Targets = (filter.clone() + &quiet)
        .parse()
        .with_context(|| format!("log filter {filter:?}: expected a level or target=level"))?;
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => {
            let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colours).boxed()
        }
    };
    registry().with(lines.with_filter(targets)).init();
    Ok(())
}
