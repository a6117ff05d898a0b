//! Which host a command looks at.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::observe::Host;
use crate::observe::recording::Recording;

/// The host: this machine, or a recording.
#[derive(Debug, Args)]
pub(super) struct HostArgs {
    #[command(flatten)]
    root: RootArg,
    /// Judge this recording instead of this machine
    ///
    /// Files, kernel answers and rights are all replayed; this machine is not asked anything.
    #[arg(long, env = "BPFREADY_RECORDING", value_name = "DIR", conflicts_with = "root")]
    recording: Option<PathBuf>,
}

/// Where this machine's files are.
#[derive(Debug, Args)]
pub(super) struct RootArg {
    /// Read host files below DIR; the kernel asked is still this machine's
    ///
    /// For containers that mount the host's file system, for example at /host.
    #[arg(long, env = "BPFREADY_ROOT", value_name = "DIR")]
    root: Option<PathBuf>,
}

impl HostArgs {
    /// Whether it is a recording.
    pub(super) fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    /// Opens the host that the arguments name.
    pub(super) fn open(&self) -> anyhow::Result<Host> {
        match &self.recording {
            Some(dir) => Ok(Host::recorded(Recording::open(dir)?)),
            None => self.root.open(),
        }
    }
}

impl RootArg {
    /// Opens this machine.
    pub(super) fn open(&self) -> anyhow::Result<Host> {
        match &self.root {
            Some(root) => Host::mounted(root).with_context(|| {
                format!("cannot use {} as the host's root directory (--root)", root.display())
            }),
            None => Host::live().context("cannot open /"),
        }
    }
}
