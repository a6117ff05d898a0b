//! The smallest program: `return 0`.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

/// `BPF_PROG_LOAD`, `BPF_LINK_CREATE` of `enum bpf_cmd`, `include/uapi/linux/bpf.h`.
const PROG_LOAD: u32 = 5;
const LINK_CREATE: u32 = 28;
/// `BPF_PROG_TYPE_SCHED_CLS`, `BPF_PROG_TYPE_XDP`.
pub(super) const SCHED_CLS: u32 = 3;
pub(super) const XDP: u32 = 6;

/// `r0 = 0; exit`, as `struct bpf_insn`s.
const RETURN_ZERO: [[u8; 8]; 2] = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];

/// The beginning of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
struct Load {
    program_type: u32,
    instructions: u32,
    at: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

/// The beginning of `union bpf_attr` for `BPF_LINK_CREATE`.
#[repr(C)]
struct Create {
    program: i32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative: u64,
    revision: u64,
}

/// Loads a program of this type that does nothing.
pub(super) fn load(program_type: u32) -> Result<OwnedFd, Errno> {
    let mut attr = Load {
        program_type,
        instructions: RETURN_ZERO.len() as u32,
        at: RETURN_ZERO.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
    };
    // SAFETY: `Load` is laid out like the kernel's; both addresses outlive the call.
    unsafe { call(PROG_LOAD, &mut attr) }
}

/// Attaches it to an interface of the calling thread's namespace, until the link is closed.
pub(super) fn attach(program: &OwnedFd, ifindex: u32, attach_type: u32) -> Result<OwnedFd, Errno> {
    let program = program.as_raw_fd();
    let mut attr = Create { program, ifindex, attach_type, flags: 0, relative: 0, revision: 0 };
    // SAFETY: `Create` is laid out like the kernel's and holds no address.
    unsafe { call(LINK_CREATE, &mut attr) }
}

/// # Safety
///
/// `T` is laid out like the beginning of `union bpf_attr` for this command, and the addresses in
/// it are good for the call; the command answers with a descriptor.
unsafe fn call<T>(command: u32, attr: &mut T) -> Result<OwnedFd, Errno> {
    let size = size_of::<T>() as u32;
    // SAFETY: as the caller promises.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size) };
    match i32::try_from(answer) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
