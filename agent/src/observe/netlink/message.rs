//! Messages of one datagram from the kernel.

use netlink_packet_core::{NetlinkBuffer, NetlinkHeader, Parseable};
use rustix::io::Errno;

use super::{Attributes, NetlinkError};

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;

/// The dump saw a list that changed under it.
const NLM_F_DUMP_INTR: u16 = 0x10;
/// The refused request is not repeated in the refusal (`NETLINK_CAP_ACK`).
const NLM_F_CAPPED: u16 = 0x100;
/// The kernel's words follow.
const NLM_F_ACK_TLVS: u16 = 0x200;

/// Attribute of a refusal: why, in words.
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER_BYTES: usize = 16;

/// One message of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Number of the question that it answers.
    pub sequence: u32,
    /// The dump it belongs to is not consistent.
    pub interrupted: bool,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Fixed header and attributes, as the protocol defines them.
    Answer(Vec<u8>),
    /// The question is answered: end of a dump, or an acknowledgement.
    End,
    /// The kernel refused: errno and its words.
    Refused(Errno, Option<String>),
}

/// Splits a datagram into its messages; total on any bytes.
///
/// The format is that of `include/uapi/linux/netlink.h`.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when a length points outside the datagram.
pub fn messages(mut datagram: &[u8]) -> Result<Vec<Message>, NetlinkError> {
    let mut messages = Vec::new();
    while !datagram.is_empty() {
        let wrong = |error: netlink_packet_core::DecodeError| {
            NetlinkError::malformed("a message", error.to_string())
        };
        let buffer = NetlinkBuffer::new_checked(&datagram).map_err(wrong)?;
        let header = NetlinkHeader::parse(&buffer).map_err(wrong)?;
        if let Some(content) = content(&header, buffer.payload())? {
            let interrupted = header.flags & NLM_F_DUMP_INTR != 0;
            messages.push(Message { sequence: header.sequence_number, interrupted, content });
        }
        let length = (header.length as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(messages)
}

fn content(header: &NetlinkHeader, payload: &[u8]) -> Result<Option<Content>, NetlinkError> {
    Ok(match header.message_type {
        NLMSG_NOOP => None,
        NLMSG_OVERRUN => return Err(NetlinkError::malformed("a message", "NLMSG_OVERRUN")),
        // A dump may end without a code: nothing went wrong.
        NLMSG_DONE if payload.is_empty() => Some(Content::End),
        NLMSG_DONE => Some(verdict(payload, words_at(header, payload, 4))?),
        NLMSG_ERROR => {
            let repeated = if header.flags & NLM_F_CAPPED == 0 { repeated(payload) } else { 0 };
            Some(verdict(payload, words_at(header, payload, 4 + HEADER_BYTES + repeated))?)
        }
        _ => Some(Content::Answer(payload.to_vec())),
    })
}

/// Payload bytes of the refused request that a refusal repeats.
fn repeated(payload: &[u8]) -> usize {
    let length = payload.get(4..8).and_then(|it| it.try_into().ok()).map_or(0, u32::from_ne_bytes);
    (length as usize).saturating_sub(HEADER_BYTES).next_multiple_of(4)
}

fn words_at(header: &NetlinkHeader, payload: &[u8], offset: usize) -> Option<String> {
    let attributes = payload.get(offset..).filter(|_| header.flags & NLM_F_ACK_TLVS != 0)?;
    Attributes::parse(attributes).ok()?.text(NLMSGERR_ATTR_MSG)
}

/// The code at the head of an acknowledgement or of the end of a dump: 0, or a negative errno.
fn verdict(payload: &[u8], words: Option<String>) -> Result<Content, NetlinkError> {
    let code = payload.first_chunk().copied().map(i32::from_ne_bytes);
    match code {
        Some(0..) => Ok(Content::End),
        Some(code @ -4095..0) => Ok(Content::Refused(Errno::from_raw_os_error(-code), words)),
        Some(code) => Err(NetlinkError::malformed("a negative errno", code.to_string())),
        None => Err(NetlinkError::malformed("a code", format!("{} bytes", payload.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{attribute, body};
    use super::*;

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + payload.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    /// A refusal as `netlink_ack()` of `net/netlink/af_netlink.c` writes it: code, the request
    /// (its header only when capped), then attributes.
    fn refusal(flags: u16, request_payload: &[u8]) -> Vec<u8> {
        let mut payload = (-95_i32).to_ne_bytes().to_vec();
        payload.extend(message(16, 5, request_payload));
        payload.extend(body(&[], &[attribute(1, b"Unknown device type\0")]));
        message(NLMSG_ERROR, NLM_F_ACK_TLVS | flags, &payload)
    }

    #[track_caller]
    fn expect(datagram: &[u8], want: &[Content]) {
        let found: Vec<Content> =
            messages(datagram).unwrap().into_iter().map(|it| it.content).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn a_refusal_carries_errno_and_words_with_and_without_the_request() {
        let words = Some("Unknown device type".to_owned());
        let want = [Content::Refused(Errno::OPNOTSUPP, words)];
        expect(&refusal(NLM_F_CAPPED, &[]), &want);
        expect(&refusal(0, &[1, 2, 3, 4, 5, 6, 7, 8]), &want);
    }

    #[test]
    fn an_answer_and_its_end_come_in_one_datagram() {
        let mut datagram = message(16, 2, &[1, 2, 3, 4]);
        datagram.extend(message(NLMSG_DONE, 2, &[0; 4]));
        expect(&datagram, &[Content::Answer(vec![1, 2, 3, 4]), Content::End]);
    }

    #[test]
    fn a_dump_that_ends_with_an_errno_is_refused() {
        let datagram = message(NLMSG_DONE, 2, &(-13_i32).to_ne_bytes());
        expect(&datagram, &[Content::Refused(Errno::ACCESS, None)]);
    }

    #[test]
    fn an_interrupted_dump_is_marked() {
        let datagram = message(16, 2 | NLM_F_DUMP_INTR, &[0; 4]);
        assert!(messages(&datagram).unwrap()[0].interrupted);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
        let whole = refusal(0, &[1, 2, 3, 4]);
        for end in 1..whole.len() {
            assert!(messages(&whole[..end]).is_err());
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            let _ = messages(&broken);
        }
    }
}
