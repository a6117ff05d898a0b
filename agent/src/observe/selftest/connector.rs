//! A child process that calls connect(2) inside a cgroup.

use std::io::{self, Write, pipe};
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, RawFd};

use rustix::io::Errno;

use super::cgroup::Cgroup;
use crate::facts::{Cause, Failure};
use crate::observe::host::cause_of_io;

/// On loopback a connection is there at once or never.
const PATIENCE_MILLISECONDS: i32 = 1000;

/// Kind of the socket that connects.
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
pub(super) enum Socket {
    Tcp = libc::SOCK_STREAM,
    /// Connecting sends nothing.
    Udp = libc::SOCK_DGRAM,
}

/// What connect(2) answered to a process of this cgroup. The process does nothing else.
pub(super) fn connect(
    cgroup: &Cgroup,
    socket: Socket,
    to: SocketAddrV4,
) -> Result<Result<(), Errno>, Failure> {
    let failed = |what: &str, error: &io::Error| {
        Failure::new(cause_of_io(error), format!("{what}: {error}"))
    };
    let (gate, mut opener) = pipe().map_err(|error| failed("pipe(2)", &error))?;
    // SAFETY: the child only makes the async-signal-safe calls of `wait_and_connect` and never
    // returns.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(failed("fork(2)", &io::Error::last_os_error())),
        0 => wait_and_connect(gate.as_raw_fd(), opener.as_raw_fd(), socket, to),
        child => child,
    };
    let entered = cgroup.enter(child.cast_unsigned()).and_then(|()| opener.write_all(&[1]));
    // A child that was not let in ends when the gate is gone.
    drop(opener);
    let status = wait(child);
    entered.map_err(|error| failed("enter the throw-away cgroup", &error))?;
    match status {
        Ok(0) => Ok(Ok(())),
        Ok(errno) => Ok(Err(Errno::from_raw_os_error(errno))),
        Err(status) => Err(Failure::new(
            Cause::Inconclusive,
            format!("the process in the throw-away cgroup was ended, wait status {status:#x}"),
        )),
    }
}

/// The child's exit code, or its whole status where it did not exit by itself.
fn wait(child: libc::pid_t) -> Result<i32, i32> {
    let mut status = 0;
    loop {
        // SAFETY: the child is ours and waited for here only.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if waited == child {
            break;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(-1);
        }
    }
    if libc::WIFEXITED(status) { Ok(libc::WEXITSTATUS(status)) } else { Err(status) }
}

/// What the child does: it exits with the errno of connect(2), or 0.
fn wait_and_connect(gate: RawFd, opener: RawFd, socket: Socket, to: SocketAddrV4) -> ! {
    let mut byte = 0_u8;
    // SAFETY: system calls on descriptors and memory of the child.
    unsafe {
        // Not to be left behind in the cgroup when the parent is killed.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::close(opener);
        if libc::read(gate, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(libc::EINTR);
        }
        libc::_exit(connect_now(socket, to))
    }
}

/// # Safety
///
/// Only async-signal-safe calls: this runs between fork(2) and _exit(2).
unsafe fn connect_now(socket: Socket, to: SocketAddrV4) -> i32 {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
        sin_zero: [0; 8],
    };
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is on the stack and as long as is said.
    unsafe {
        let socket = libc::socket(libc::AF_INET, socket as i32 | libc::SOCK_NONBLOCK, 0);
        if socket == -1 {
            return *libc::__errno_location();
        }
        if libc::connect(socket, (&raw const address).cast(), length) == 0 {
            return 0;
        }
        match *libc::__errno_location() {
            libc::EINPROGRESS => settle(socket),
            errno => errno,
        }
    }
}

/// How a connection in progress ends.
///
/// # Safety
///
/// As [`connect_now`].
unsafe fn settle(socket: RawFd) -> i32 {
    let mut waiting = libc::pollfd { fd: socket, events: libc::POLLOUT, revents: 0 };
    let mut errno = 0;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: all memory is on the stack and as long as is said.
    unsafe {
        if libc::poll(&raw mut waiting, 1, PATIENCE_MILLISECONDS) != 1 {
            return libc::ETIMEDOUT;
        }
        let to = (&raw mut errno).cast();
        match libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_ERROR, to, &raw mut length) {
            0 => errno,
            _ => *libc::__errno_location(),
        }
    }
}
