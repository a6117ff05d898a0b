//! A netlink socket to the kernel of the calling thread's network namespace.

use std::time::{Duration, Instant};

use netlink_packet_core::{Emitable, NetlinkHeader};
use netlink_sys::{Socket, SocketAddr};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};

use super::{Content, NetlinkError, messages};

/// Longest wait for one answer. The kernel answers from memory; what takes longer is a lock
/// that somebody holds.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// How often a dump is asked again because the list changed under it.
const DUMP_TRIES: u32 = 5;

/// Room for one datagram: the kernel fills dumps up to 32 KiB (`netlink_dump()` of
/// `net/netlink/af_netlink.c`), and one message of a link with many VFs may be longer.
const DATAGRAM_BYTES: usize = 256 << 10;

/// Most entries of one list: ten times what a node with 10,000 interfaces has. A router with the
/// Internet's routes has more, and they would not fit into the agent's memory.
const MOST_ENTRIES: usize = 100_000;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;

/// An open netlink socket.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens a socket of this protocol (`NETLINK_ROUTE`, …), see netlink(7).
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Socket`], with `EPROTONOSUPPORT` where the kernel has no such protocol.
    pub fn open(protocol: isize) -> Result<Self, NetlinkError> {
        let socket = Socket::new(protocol).map_err(|it| socket_error(&it))?;
        // Linux 4.12; a kernel without it refuses without words.
        let _ = socket.set_ext_ack(true);
        let limit = Some(ANSWER_LIMIT);
        sockopt::set_socket_timeout(&socket, Timeout::Recv, limit).map_err(NetlinkError::Socket)?;
        sockopt::set_socket_timeout(&socket, Timeout::Send, limit).map_err(NetlinkError::Socket)?;
        Ok(Self { socket, sequence: 0, buffer: Vec::with_capacity(DATAGRAM_BYTES) })
    }

    /// Asks for one thing to be done or told; gives what was told before the acknowledgement.
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Refused`] with the kernel's errno, and the socket's own errors.
    pub fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
    ) -> Result<Vec<Vec<u8>>, NetlinkError> {
        let mut answers = Vec::new();
        self.converse(kind, flags | NLM_F_ACK, body, |it| answers.push(it.to_vec()))?;
        Ok(answers)
    }

    /// Asks for a whole list, again when it changed while it was told.
    ///
    /// # Errors
    ///
    /// As [`Connection::ask`], and [`NetlinkError::Interrupted`].
    pub fn dump(&mut self, kind: u16, body: &[u8]) -> Result<Vec<Vec<u8>>, NetlinkError> {
        self.dump_each(kind, body, |it| Ok(Some(it.to_vec())))
    }

    /// Asks for a whole list as [`Connection::dump`], and keeps of each entry only what `parse`
    /// makes of it, so that a list of many long messages is not held whole.
    ///
    /// # Errors
    ///
    /// As [`Connection::dump`], the first error of `parse`, and [`NetlinkError::TooMany`].
    pub fn dump_each<T>(
        &mut self,
        kind: u16,
        body: &[u8],
        mut parse: impl FnMut(&[u8]) -> Result<Option<T>, NetlinkError>,
    ) -> Result<Vec<T>, NetlinkError> {
        for _ in 0..DUMP_TRIES {
            let mut entries = Entries { list: Vec::new(), error: None };
            let keep = |answer: &[u8]| entries.keep(parse(answer));
            if !self.converse(kind, NLM_F_DUMP, body, keep)? {
                return entries.error.map_or(Ok(entries.list), Err);
            }
        }
        Err(NetlinkError::Interrupted(DUMP_TRIES))
    }

    /// Gives each answer to `take`; `true`: the answers do not belong together.
    fn converse(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        take: impl FnMut(&[u8]),
    ) -> Result<bool, NetlinkError> {
        self.send(kind, flags, body)?;
        let until = Instant::now() + ANSWER_LIMIT;
        let mut conversation = Conversation { take, interrupted: false };
        while Instant::now() < until {
            if self.receive(&mut conversation)? {
                return Ok(conversation.interrupted);
            }
        }
        Err(NetlinkError::Timeout)
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), NetlinkError> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.length = u32::try_from(header.buffer_len() + body.len())
            .map_err(|_| NetlinkError::malformed("a question under 4 GiB", "more"))?;
        header.message_type = kind;
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut bytes = vec![0; header.buffer_len()];
        header.emit(&mut bytes);
        bytes.extend_from_slice(body);
        let kernel = SocketAddr::new(0, 0);
        self.socket.send_to(&bytes, &kernel, 0).map(drop).map_err(|it| socket_error(&it))
    }

    /// Reads one datagram; `true`: the question is answered.
    fn receive(
        &mut self,
        conversation: &mut Conversation<impl FnMut(&[u8])>,
    ) -> Result<bool, NetlinkError> {
        self.buffer.clear();
        let received = self.socket.recv_from(&mut self.buffer, libc::MSG_TRUNC);
        let (length, sender) = received.map_err(|it| socket_error(&it))?;
        if sender.port_number() != 0 {
            // Not the kernel: any process may write to a netlink socket's port.
            return Ok(false);
        }
        let datagram = self.buffer.get(..length);
        let cut = || NetlinkError::malformed("a datagram of at most 256 KiB", format!("{length}"));
        for message in messages(datagram.ok_or_else(cut)?)? {
            if message.sequence != self.sequence {
                continue;
            }
            conversation.interrupted |= message.interrupted;
            match message.content {
                Content::Answer(body) => (conversation.take)(&body),
                Content::End => return Ok(true),
                Content::Refused(errno, words) => {
                    return Err(NetlinkError::Refused { errno, words });
                }
            }
        }
        Ok(false)
    }
}

struct Conversation<F> {
    take: F,
    interrupted: bool,
}

/// What is kept of a list, and the first thing that was wrong with it. The rest is still received:
/// what is left in the socket would stand before the next answer.
struct Entries<T> {
    list: Vec<T>,
    error: Option<NetlinkError>,
}

impl<T> Entries<T> {
    fn keep(&mut self, parsed: Result<Option<T>, NetlinkError>) {
        match parsed {
            _ if self.error.is_some() => {}
            Ok(None) => {}
            Ok(Some(_)) if self.list.len() == MOST_ENTRIES => {
                self.list = Vec::new();
                self.error = Some(NetlinkError::TooMany(MOST_ENTRIES));
            }
            Ok(Some(entry)) => self.list.push(entry),
            Err(error) => self.error = Some(error),
        }
    }
}

fn socket_error(error: &std::io::Error) -> NetlinkError {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        // SO_RCVTIMEO ran out, socket(7).
        Some(Errno::AGAIN) => NetlinkError::Timeout,
        Some(errno) => NetlinkError::Socket(errno),
        None => NetlinkError::Socket(Errno::IO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_no_kernel_has_is_refused_by_the_socket() {
        // 31 is the last protocol number (MAX_LINKS is 32) and nobody's.
        let error = Connection::open(31).unwrap_err();
        assert!(matches!(error, NetlinkError::Socket(Errno::PROTONOSUPPORT)), "{error}");
        assert_eq!(error.refusal(), None);
    }

    #[test]
    fn the_kernel_refuses_a_link_that_is_not_there_with_its_errno() {
        let mut route = Connection::open(netlink_sys::protocols::NETLINK_ROUTE).unwrap();
        let mut header = [0; 16];
        header[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let error = route.ask(libc::RTM_GETLINK, 0, &header).unwrap_err();
        assert_eq!(error.refusal(), Some(Errno::NODEV));
    }
}
