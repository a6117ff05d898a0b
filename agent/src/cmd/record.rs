//! `bpfready record`: writes a recording of this host.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::host::RootArg;
use super::output::Color;
use super::{Answer, output, progress};
use crate::observe::recording::{Header, Recorder, Written};
use crate::observe::snapshot;

/// Write what `check` sees here into a folder: a fixture, or a bug report
///
/// `bpfready check --recording DIR` gives the same verdict from it on any machine. Secrets are
/// replaced by REDACTED: passwords, tokens and keys in kernel parameters, mount options and URLs.
/// The node's name, its addresses and the environment are not recorded; interface names, mount
/// points and the names of BPF programs are. Look through it before you publish it.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder to write; it must be empty or not exist
    dir: PathBuf,
    #[command(flatten)]
    root: RootArg,
}

const EXAMPLES: &str = "\
Examples:
  sudo bpfready record ./node-a
  bpfready check --recording ./node-a

Exit codes:
  0  written
  2  an error
";

/// Looks at the host with a recorder, and writes what it has.
///
/// # Errors
///
/// When the folder is not empty or cannot be written, or the host cannot be opened.
pub fn run(args: &Args) -> anyhow::Result<Answer> {
    // Said before the work, not after it.
    Recorder::prepare(&args.dir)?;
    let host = args.root.open()?.with_recorder(Recorder::default());
    let facts = progress::during("asking the kernel", || snapshot(&host));
    let header = Header::recorded(&facts);
    let recorder = host.into_recorder().unwrap_or_default();
    let written = recorder.write(&args.dir, &header)?;
    output::print(&summary(args, &header, written), Color::Never)?;
    Ok(Answer::Yes)
}

fn summary(args: &Args, header: &Header, written: Written) -> String {
    let Written { files, paths, answers, redacted, bytes } = written;
    let dir = args.dir.display();
    let kernel = header.kernel_release.as_deref().unwrap_or("unknown");
    let kilobytes = bytes.div_ceil(1000);
    format!(
        "recorded kernel {kernel} in {dir}: {answers} kernel answers, {files} files, \
         {paths} paths looked up, {redacted} secrets or addresses redacted, {kilobytes} kB\n\
         judge it with: bpfready check --recording {dir}\n"
    )
}
