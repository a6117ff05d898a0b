//! A child process that removes the throw-away cgroup when its owner cannot.

use std::ffi::CString;
use std::io::{self, PipeWriter, pipe};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Attempts of 10 ms each: the owner's other children may be in the cgroup for a moment.
const ATTEMPTS: u32 = 200;
static PAUSE: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// The child, which waits for the other end of a pipe to be closed: by us when the cgroup is gone,
/// by the kernel when we are.
#[derive(Debug)]
pub(super) struct Keeper {
    child: libc::pid_t,
    /// Closed first, so that the child ends.
    pipe: Option<PipeWriter>,
}

impl Keeper {
    /// Starts a child that will remove `name` in `root`.
    pub(super) fn start(root: BorrowedFd<'_>, name: &CString) -> io::Result<Self> {
        let (waits, held) = pipe()?;
        // SAFETY: the child only makes the async-signal-safe calls of `keep` and never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => keep(waits.as_raw_fd(), held.as_raw_fd(), root.as_raw_fd(), name),
            child => Ok(Self { child, pipe: Some(held) }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        // SAFETY: the child is ours and waited for here only; its status is not asked for.
        unsafe { libc::waitpid(self.child, std::ptr::null_mut(), 0) };
    }
}

/// What the child does.
fn keep(waits: RawFd, held: RawFd, root: RawFd, name: &CString) -> ! {
    let mut byte = 0_u8;
    // SAFETY: system calls on descriptors and memory that the child has from its parent.
    unsafe {
        // A Ctrl-C at the terminal is for the parent: this process outlives it by a moment.
        libc::setsid();
        libc::close(held);
        while libc::read(waits, (&raw mut byte).cast(), 1) == -1
            && *libc::__errno_location() == libc::EINTR
        {}
        for _ in 0..ATTEMPTS {
            let removed = libc::unlinkat(root, name.as_ptr(), libc::AT_REMOVEDIR);
            if removed == 0 || *libc::__errno_location() != libc::EBUSY {
                break;
            }
            libc::nanosleep(&raw const PAUSE, std::ptr::null_mut());
        }
        libc::_exit(0)
    }
}
