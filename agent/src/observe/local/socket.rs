//! Stream sockets that never block for longer than their deadline.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};

use super::{Address, LIMIT};
use crate::facts::{Cause, Failure};
use crate::observe::Host;
use crate::observe::host::cause_of_io;

/// What came of connecting.
pub(super) enum Connect {
    Stream(Stream),
    NoSocket,
    NobodyListens,
    Failed(Failure),
}

/// A connected socket and its deadline.
pub(super) struct Stream {
    socket: OwnedFd,
    deadline: Instant,
}

/// Connects within the deadline.
pub(super) fn connect(host: &Host, address: Address, deadline: Instant) -> Connect {
    let failed = |errno: Errno| {
        let error = std::io::Error::from(errno);
        let detail = format!("cannot connect to {address:?}: {error}");
        Connect::Failed(Failure::new(cause_of_io(&error), detail))
    };
    let opened = match address {
        Address::V4(port) => tcp(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        Address::V6(port) => tcp(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
        Address::Unix(path) => match host.handle(path) {
            Ok(Some(handle)) => unix(&handle),
            Ok(None) => return absent(host, path),
            Err(error) => return Connect::Failed(error.into()),
        },
    };
    let (socket, done) = match opened {
        Ok(opened) => opened,
        Err(errno) => return failed(errno),
    };
    let stream = Stream { socket, deadline };
    let done = match done {
        Err(Errno::INPROGRESS) => match stream.wait(PollFlags::OUT) {
            Ok(()) => sockopt::socket_error(&stream.socket).unwrap_or_else(Err),
            Err(failure) => return Connect::Failed(failure),
        },
        other => other,
    };
    match done {
        Ok(()) => Connect::Stream(stream),
        // Without IPv6 there is no `::1` to listen on.
        Err(Errno::CONNREFUSED | Errno::ADDRNOTAVAIL | Errno::NETUNREACH) => Connect::NobodyListens,
        // A Unix socket whose queue is full: somebody listens and does not accept.
        Err(Errno::AGAIN) => Connect::Failed(late()),
        Err(errno) => failed(errno),
    }
}

/// No such socket, if this root would show it.
fn absent(host: &Host, path: &str) -> Connect {
    match host.proves_absence(path) {
        Ok(true) => Connect::NoSocket,
        Ok(false) => {
            let detail = format!("the folder of {path} is not in this root: is it mounted here?");
            Connect::Failed(Failure::new(Cause::Prerequisite, detail))
        }
        Err(error) => Connect::Failed(error.into()),
    }
}

type Opened = Result<(OwnedFd, Result<(), Errno>), Errno>;

fn open(family: AddressFamily) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    net::socket_with(family, SocketType::STREAM, flags, None)
}

fn tcp(ip: IpAddr, port: u16) -> Opened {
    let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = match open(family) {
        Ok(socket) => socket,
        Err(Errno::AFNOSUPPORT) => {
            return Ok((open(AddressFamily::INET)?, Err(Errno::CONNREFUSED)));
        }
        Err(errno) => return Err(errno),
    };
    let done = net::connect(&socket, &SocketAddr::new(ip, port));
    Ok((socket, done))
}

/// By the handle, since a path below a root may be longer than the 108 bytes of unix(7), and so
/// that its symlinks stay inside the root.
fn unix(handle: &OwnedFd) -> Opened {
    let link = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let socket = open(AddressFamily::UNIX)?;
    let done = net::connect(&socket, &SocketAddrUnix::new(link)?);
    Ok((socket, done))
}

impl Stream {
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            match net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(broken(errno)),
            }
        }
        Ok(())
    }

    /// Appends what has come; 0: the other side has ended.
    pub(super) fn receive(&mut self, bytes: &mut Vec<u8>) -> Result<usize, Failure> {
        let mut buffer = [0; 16 << 10];
        loop {
            if Instant::now() >= self.deadline {
                return Err(late());
            }
            match net::recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((read, _)) => {
                    bytes.extend_from_slice(&buffer[..read]);
                    return Ok(read);
                }
                Err(Errno::AGAIN) => self.wait(PollFlags::IN)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(broken(errno)),
            }
        }
    }

    fn wait(&self, events: PollFlags) -> Result<(), Failure> {
        let rest = self.deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::from_borrowed_fd(self.socket.as_fd(), events)];
        match poll(&mut fds, Timespec::try_from(rest).ok().as_ref()) {
            Ok(0) => Err(late()),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(broken(errno)),
        }
    }
}

fn late() -> Failure {
    Failure::new(Cause::Timeout, format!("no answer within {} ms", LIMIT.as_millis()))
}

fn broken(errno: Errno) -> Failure {
    let error = std::io::Error::from(errno);
    Failure::new(cause_of_io(&error), format!("the connection broke: {error}"))
}

#[cfg(test)]
impl Connect {
    pub(super) fn stream(self) -> Option<Stream> {
        match self {
            Self::Stream(stream) => Some(stream),
            Self::NoSocket | Self::NobodyListens | Self::Failed(_) => None,
        }
    }
}
