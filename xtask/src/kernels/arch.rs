//! The two machines that are booted.

use std::path::Path;
use std::process::Command;

/// An architecture that Cilium runs on and that we boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    /// Debian's name of it.
    pub(super) fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The folder of its libraries.
    pub(super) fn triple(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// qemu without hardware help: KVM may be there and hang, emulation is the same everywhere.
    pub(super) fn qemu(self, kernel: &Path, initrd: &Path) -> Command {
        let (program, machine, console) = match self {
            Self::Amd64 => ("qemu-system-x86_64", "q35", "ttyS0"),
            Self::Arm64 => ("qemu-system-aarch64", "virt", "ttyAMA0"),
        };
        let mut qemu = Command::new(program);
        qemu.args(["-accel", "tcg", "-cpu", "max", "-machine", machine, "-m", "768"]);
        qemu.args(["-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"]);
        qemu.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd).arg("-append");
        qemu.arg(format!("console={console} panic=-1 loglevel=1 rdinit=/init"));
        qemu
    }
}
