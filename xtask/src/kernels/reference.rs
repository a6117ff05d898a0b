//! bpftool for this machine: the same one that the virtual machines get, with its own libraries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::arch::Arch;
use super::initramfs;
use crate::process;

/// Debian's newest bpftool, unpacked, not installed.
#[derive(Debug)]
pub(crate) struct Reference {
    root: PathBuf,
}

/// The reference for this machine.
pub(crate) fn host() -> Result<Reference> {
    Ok(Reference { root: initramfs::tools(Arch::Amd64)? })
}

impl Reference {
    /// bpftool with these arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        // Its C library is newer than this system's, so its own loader starts it.
        let mut command = Command::new(self.root.join("usr/lib64/ld-linux-x86-64.so.2"));
        let libraries = self.root.join("usr/lib").join(Arch::Amd64.triple());
        command.arg("--library-path").arg(libraries).arg(self.root.join("usr/sbin/bpftool"));
        command.args(args);
        command
    }

    /// As it calls itself.
    pub(crate) fn version(&self) -> Result<String> {
        let text = process::text(&mut self.command(&["version"]))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}
