//! rtnetlink(7): the kernel tells of links, addresses, routes, rules and tc filters.

use std::collections::{BTreeSet, HashSet};
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{NetlinkBuffer, NetlinkHeader, Parseable};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::io::Errno;

use super::Trigger;
use crate::facts::Failure;
use crate::observe::host::cause_of_io;

/// `RTMGRP_LINK`, `RTNLGRP_TC`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV4_RULE`,
/// `RTMGRP_IPV6_IFADDR`, `RTMGRP_IPV6_ROUTE`, `RTNLGRP_IPV6_RULE` of
/// `include/uapi/linux/rtnetlink.h`. Neighbours are left out: they move with every ARP answer, and
/// say nothing of who carries a packet.
const GROUPS: u32 = 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 18;

/// Room for one datagram; of a longer one its first messages are read.
const DATAGRAM_BYTES: usize = 32 << 10;

/// Datagrams that are read in a row before anything else has its turn.
const IN_A_ROW: usize = 256;

/// Addresses that are remembered, see [`Routes::is_news`].
const MOST_ADDRESSES: usize = 4096;

/// A socket in the groups.
#[derive(Debug)]
pub(super) struct Routes {
    socket: Socket,
    addresses: HashSet<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Routes {
    pub(super) fn open() -> Result<Self, Failure> {
        let failed = |it: std::io::Error| {
            Failure::new(cause_of_io(&it), format!("rtnetlink multicast groups: {it}"))
        };
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
        socket.set_non_blocking(true).map_err(failed)?;
        socket.bind(&SocketAddr::new(0, GROUPS)).map_err(failed)?;
        let buffer = Vec::with_capacity(DATAGRAM_BYTES);
        Ok(Self { socket, addresses: HashSet::new(), buffer })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads what there is to read.
    pub(super) fn drain(&mut self, triggers: &mut BTreeSet<Trigger>) -> Result<(), Failure> {
        for _ in 0..IN_A_ROW {
            self.buffer.clear();
            match self.socket.recv_from(&mut self.buffer, 0) {
                // Only the kernel's own word counts.
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok(_) => self.read(triggers),
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    Some(Errno::AGAIN) => return Ok(()),
                    Some(Errno::INTR) => {}
                    // More came than the socket holds: some of it is lost.
                    Some(Errno::NOBUFS) => {
                        self.addresses.clear();
                        triggers.insert(Trigger::Overrun);
                    }
                    _ => {
                        return Err(Failure::new(
                            cause_of_io(&error),
                            format!("rtnetlink: {error}"),
                        ));
                    }
                },
            }
        }
        Ok(())
    }

    fn read(&mut self, triggers: &mut BTreeSet<Trigger>) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = buffer.as_slice();
        while let Ok(message) = NetlinkBuffer::new_checked(&rest) {
            let Ok(header) = NetlinkHeader::parse(&message) else { break };
            if let Some(trigger) = trigger(header.message_type)
                && self.is_news(header.message_type, message.payload())
            {
                triggers.insert(trigger);
            }
            let length = (header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
        }
        self.buffer = buffer;
    }

    /// Whether this is more than an address that is there already: each router advertisement and
    /// each renewal of a lease is told as a new address.
    fn is_news(&mut self, kind: u16, payload: &[u8]) -> bool {
        if kind != libc::RTM_NEWADDR && kind != libc::RTM_DELADDR {
            return true;
        }
        let address = address(payload);
        if kind == libc::RTM_DELADDR {
            self.addresses.remove(&address);
            return true;
        }
        if self.addresses.len() >= MOST_ADDRESSES {
            self.addresses.clear();
        }
        self.addresses.insert(address)
    }
}

/// What makes an address the same: all of the message but the attributes that count its life.
fn address(payload: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: usize = 8;
    const IFA_CACHEINFO: u16 = 6;
    const IFA_FLAGS: u16 = 8;
    let (header, mut rest) = payload.split_at(payload.len().min(HEADER_BYTES));
    let mut same = header.to_vec();
    if let Some(flags) = same.get_mut(2) {
        *flags = 0;
    }
    while let [low, high, kind_low, kind_high, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let kind = u16::from_ne_bytes([kind_low, kind_high]);
        let Some(attribute) = rest.get(..length).filter(|_| length >= 4) else { break };
        if kind != IFA_CACHEINFO && kind != IFA_FLAGS {
            same.extend_from_slice(attribute);
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    same
}

fn trigger(kind: u16) -> Option<Trigger> {
    match kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK => Some(Trigger::Links),
        libc::RTM_NEWADDR | libc::RTM_DELADDR => Some(Trigger::Addresses),
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => Some(Trigger::Routes),
        libc::RTM_NEWRULE | libc::RTM_DELRULE => Some(Trigger::Rules),
        libc::RTM_NEWQDISC
        | libc::RTM_DELQDISC
        | libc::RTM_NEWTFILTER
        | libc::RTM_DELTFILTER
        | libc::RTM_NEWTCLASS
        | libc::RTM_DELTCLASS => Some(Trigger::TrafficControl),
        _ => None,
    }
}
