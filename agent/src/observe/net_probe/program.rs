//! The smallest program, `return 0`, and its link to an interface.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use super::super::bpf::insn::returns;
use super::super::bpf::sys::{Cmd, LinkCreate, Program, bpf_fd};

/// `BPF_PROG_TYPE_SCHED_CLS`, `BPF_PROG_TYPE_XDP` of `include/uapi/linux/bpf.h`.
pub(super) const SCHED_CLS: u32 = 3;
pub(super) const XDP: u32 = 6;

/// Loads a program of this type that does nothing.
pub(super) fn load(program_type: u32) -> Result<OwnedFd, Errno> {
    Program { program_type, insns: &returns(0), ..Program::default() }.load()
}

/// Attaches it to an interface of the calling thread's namespace, until the link is closed.
pub(super) fn attach(program: &OwnedFd, ifindex: u32, attach_type: u32) -> Result<OwnedFd, Errno> {
    let prog_fd = program.as_raw_fd();
    let mut attr =
        LinkCreate { prog_fd, target: ifindex.cast_signed(), attach_type, ..LinkCreate::default() };
    bpf_fd(Cmd::LinkCreate, &mut attr)
}
