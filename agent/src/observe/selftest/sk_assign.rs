//! `bpf_sk_assign` with a socket that `bpf_sk_lookup_udp` found.

use std::net::{Ipv4Addr, UdpSocket};

use agent_ebpf::selftest::{PAYLOAD, SocketAnswer, SocketQuestion};
use rustix::io::Errno;
use zerocopy::{FromBytes, IntoBytes};

use super::bench::{Bench, wrong};
use super::packet::packet_with;
use super::{Checked, skb};
use crate::facts::Cause;
use crate::facts::bpf::Support;

/// The program finds a socket of ours and assigns the packet to it.
///
/// A test run's packet did not come in by an interface, so `bpf_sk_assign` answers EOPNOTSUPP after
/// it has looked at socket and flags (Linux 5.7 and later), which is as far as one gets without
/// attaching to an interface; a flag that no kernel knows is EINVAL.
pub(super) fn check(bench: Bench) -> Checked {
    let unusable = |it| Support::unknown(Cause::Prerequisite, format!("no UDP socket: {it}"));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(unusable)?;
    let port = socket.local_addr().map_err(unusable)?.port();
    let question = SocketQuestion {
        address: Ipv4Addr::LOCALHOST.octets(),
        port: port.to_be_bytes(),
        padding: [0; 2],
    };
    let output = skb::run(bench, "sk_assign", &packet_with(question.as_bytes()))?;
    let answer = output.packet.get(PAYLOAD..).unwrap_or_default();
    match SocketAnswer::read_from_prefix(answer) {
        Ok((answer, _)) if output.returned == 0 => judge(answer, port),
        _ => Err(wrong(format!("the program returned {}", output.returned))),
    }
}

fn judge(answer: SocketAnswer, port: u16) -> Checked {
    let not_at_ingress = -Errno::OPNOTSUPP.raw_os_error();
    let SocketAnswer { found, port: found_port, assigned, assigned_with_unknown_flag } = answer;
    if found != 1 || found_port != u32::from(port) {
        return Err(wrong(format!("bpf_sk_lookup_udp did not find port {port}: {answer:?}")));
    }
    if assigned != 0 && assigned != not_at_ingress {
        return Err(wrong(format!("bpf_sk_assign answered {assigned}")));
    }
    if assigned_with_unknown_flag != -Errno::INVAL.raw_os_error() {
        let answer = assigned_with_unknown_flag;
        return Err(wrong(format!("bpf_sk_assign answered {answer} to a flag that is none")));
    }
    Ok(())
}
