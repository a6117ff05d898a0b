//! Logs: on stderr, and only when asked for.

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Starts logging by `filter`, else by `RUST_LOG`, else not at all.
pub(super) fn start(filter: Option<&str>) -> anyhow::Result<()> {
    let from_environment = || std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let Some(filter) = filter.map(str::to_owned).or_else(from_environment) else { return Ok(()) };
    let filter = EnvFilter::builder()
        .parse(&filter)
        .with_context(|| format!("log filter {filter:?}: expected a level or target=level"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    Ok(())
}
