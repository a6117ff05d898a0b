//! IPsec as Cilium asks for it: a state with an output mark and `rfc4106(gcm(aes))`.

use netlink_packet_core::DefaultNla;
use netlink_sys::protocols::NETLINK_XFRM;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, body};
use super::verdict;
use crate::facts::bpf::Support;

/// Messages and attributes of `include/uapi/linux/xfrm.h`.
const XFRM_MSG_NEWSA: u16 = 0x10;
const XFRM_MSG_GETSA: u16 = 0x12;
const XFRMA_ALG_AEAD: u16 = 18;
const XFRMA_SET_MARK: u16 = 29;
const XFRMA_SET_MARK_MASK: u16 = 30;
const XFRM_MODE_TUNNEL: u8 = 1;
/// `sizeof(struct xfrm_usersa_info)`.
const STATE_BYTES: usize = 224;

/// The mark of Cilium's IPsec, and its mask.
const MARK: u32 = 0xe00;
const MASK: u32 = 0xff00;
/// The addresses are of TEST-NET-1, RFC 5737.
const FROM: [u8; 4] = [192, 0, 2, 1];
const TO: [u8; 4] = [192, 0, 2, 2];
const SPI: [u8; 4] = [0, 0, 1, 1];

/// Refusals of a kernel that has no such thing: ENOSYS no such algorithm (`attach_aead()`),
/// EPROTONOSUPPORT no ESP or no xfrm_user, EOPNOTSUPP and EAFNOSUPPORT no XFRM. ENOENT is not one
/// of them: the algorithm is there and a part of it, such as a random number generator, did not
/// start.
const ABSENT: [Errno; 4] =
    [Errno::NOSYS, Errno::PROTONOSUPPORT, Errno::OPNOTSUPP, Errno::AFNOSUPPORT];

/// Makes the state and reads its mark back: the mask is skipped before Linux 4.19.
pub(super) fn output_mark() -> Support {
    let what = "XFRM state with output mark and rfc4106(gcm(aes))";
    match try_output_mark() {
        Ok(found) => verdict::of_read_back(what, found),
        // The socket's refusal is the kernel's word too: it has no xfrm_user.
        Err(NetlinkError::Socket(errno @ Errno::PROTONOSUPPORT)) => {
            verdict::of_bpf("NETLINK_XFRM socket", Err(errno), &ABSENT)
        }
        Err(error) => verdict::of_netlink(what, Err(error), &ABSENT),
    }
}

fn try_output_mark() -> Result<bool, NetlinkError> {
    let mut xfrm = Connection::open(NETLINK_XFRM)?;
    let attributes = [
        aead(),
        attribute(XFRMA_SET_MARK, &MARK.to_ne_bytes()),
        attribute(XFRMA_SET_MARK_MASK, &MASK.to_ne_bytes()),
    ];
    xfrm.ask(
        XFRM_MSG_NEWSA,
        libc::NLM_F_CREATE as u16 | libc::NLM_F_EXCL as u16,
        &body(&state(), &attributes),
    )?;
    let answers = xfrm.ask(XFRM_MSG_GETSA, 0, &state_id())?;
    let Some(answer) = answers.first() else { return Ok(false) };
    let told = Attributes::after(answer, STATE_BYTES)?;
    let mark = (told.u32(XFRMA_SET_MARK)?, told.u32(XFRMA_SET_MARK_MASK)?);
    Ok(mark == (Some(MARK), Some(MASK)))
}

/// `struct xfrm_usersa_info`: a tunnel that never expires.
fn state() -> [u8; STATE_BYTES] {
    let mut state = [0; STATE_BYTES];
    state[56..60].copy_from_slice(&TO);
    state[72..76].copy_from_slice(&SPI);
    state[76] = libc::IPPROTO_ESP as u8;
    state[80..84].copy_from_slice(&FROM);
    // `lft`: soft and hard limits of bytes and of packets, all XFRM_INF.
    state[96..128].fill(0xff);
    state[212..214].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    state[214] = XFRM_MODE_TUNNEL;
    state
}

/// `struct xfrm_usersa_id`.
fn state_id() -> [u8; 24] {
    let mut id = [0; 24];
    id[..4].copy_from_slice(&TO);
    id[16..20].copy_from_slice(&SPI);
    id[20..22].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    id[22] = libc::IPPROTO_ESP as u8;
    id
}

/// `struct xfrm_algo_aead`: name, lengths in bits, then a key of 16 bytes and a salt of 4. No
/// packet is ever sealed with it.
fn aead() -> DefaultNla {
    let mut value = [0; 64 + 4 + 4 + 20];
    value[..17].copy_from_slice(b"rfc4106(gcm(aes))");
    value[64..68].copy_from_slice(&160_u32.to_ne_bytes());
    value[68..72].copy_from_slice(&128_u32.to_ne_bytes());
    attribute(XFRMA_ALG_AEAD, &value)
}
