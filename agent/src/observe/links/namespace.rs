//! Which network namespace it is that is looked at.

use std::os::fd::AsRawFd;

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::fs;

use super::super::Host;
use super::super::host::cause_of_io;
use crate::facts::links::Namespace;
use crate::facts::{Cause, Failure, Observed};

/// The namespace of the calling thread, as a file.
const OWN: &str = "/proc/thread-self/ns/net";

/// The netlink sockets of process 1's network namespace, with their inode numbers.
///
/// `/proc/1/ns/net` would say it at once, but takes CAP_SYS_PTRACE; this file takes nothing.
const SOCKETS_OF_INIT: &str = "/proc/1/net/netlink";

/// `PROC_PID_INIT_INO` of `include/linux/proc_ns.h`: the first pid namespace of every kernel.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Inode number of the calling thread's namespace, and a socket in it.
pub(super) fn own() -> (Observed<u64>, Option<Socket>) {
    let inode = fs::stat(OWN).map(|it| it.st_ino).map_err(|errno| {
        let error = std::io::Error::from(errno);
        Failure::new(cause_of_io(&error), format!("{OWN}: {error}"))
    });
    (inode.into(), Socket::new(NETLINK_ROUTE).and_then(bound).ok())
}

/// A socket is in its namespace's list once it has a port.
fn bound(mut socket: Socket) -> std::io::Result<Socket> {
    socket.bind_auto().map(|_address| socket)
}

pub(super) fn namespace(
    host: &Host,
    inode: Observed<u64>,
    socket: Option<&Socket>,
) -> Observed<Namespace> {
    inode.map(|inode| Namespace { inode, is_host: is_host(host, socket) })
}

/// Whether our own socket is among those of the host's first process.
fn is_host(host: &Host, socket: Option<&Socket>) -> Observed<bool> {
    if !sees_processes_of_host(host) {
        let detail = "process 1 of this /proc is a container's, not the host's";
        return Observed::unknown(Cause::Prerequisite, detail);
    }
    let Some(inode) = socket.and_then(inode_of) else {
        return Observed::unknown(Cause::Inconclusive, "no netlink socket of our own to look for");
    };
    // Not for the recording: the list is another one a moment later, and the answer is recorded.
    match host.open_unrecorded(SOCKETS_OF_INIT) {
        Ok(Some(file)) => match std::io::read_to_string(file) {
            Ok(text) => Observed::Known(lists(&text, inode)),
            Err(error) => {
                Observed::unknown(cause_of_io(&error), format!("{SOCKETS_OF_INIT}: {error}"))
            }
        },
        Ok(None) => Observed::unknown(Cause::Prerequisite, format!("no {SOCKETS_OF_INIT}")),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// A root that was given is the host's by definition; our own `/proc` may be a container's.
fn sees_processes_of_host(host: &Host) -> bool {
    let is_given = host.root_path().is_ok_and(|it| it != "/");
    let own = fs::stat("/proc/self/ns/pid");
    is_given || own.is_ok_and(|it| it.st_ino == FIRST_PID_NAMESPACE)
}

fn inode_of(socket: &Socket) -> Option<u64> {
    let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let target = fs::readlink(link.as_str(), Vec::new()).ok()?;
    let target = target.to_string_lossy().into_owned();
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The inode number is the last column (`netlink_native_seq_show()` of `net/netlink/af_netlink.c`).
fn lists(text: &str, inode: u64) -> bool {
    text.lines()
        .skip(1)
        .any(|line| line.split_whitespace().last().and_then(|it| it.parse().ok()) == Some(inode))
}
