//! `bpf_sk_assign`, by which a packet is handed to a local proxy's socket.

use core::mem::size_of;

use agent_ebpf::selftest::{PAYLOAD, SocketAnswer, SocketQuestion};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_F_CURRENT_NETNS, bpf_sock, bpf_sock_tuple};
use aya_ebpf::helpers::{bpf_sk_assign, bpf_sk_lookup_udp, bpf_sk_release};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

/// `tuple_size` that says IPv4: `sizeof(tuple->ipv4)` of `include/uapi/linux/bpf.h`.
const IPV4_TUPLE: u32 = 12;
const UNKNOWN_FLAG: u64 = 1 << 63;

/// Finds the socket that the payload names, assigns the packet to it, writes what came of it into
/// the payload.
#[classifier]
fn sk_assign(ctx: TcContext) -> i32 {
    let Ok(question) = ctx.load::<SocketQuestion>(PAYLOAD) else { return i32::MIN };
    let answer = lookup_and_assign(&ctx, &question);
    ctx.store(PAYLOAD, &answer, 0).map_or_else(|error| error as i32, |()| 0)
}

#[inline(always)]
fn lookup_and_assign(ctx: &TcContext, question: &SocketQuestion) -> SocketAnswer {
    let mut answer = SocketAnswer { found: 0, port: 0, assigned: 0, assigned_with_unknown_flag: 0 };
    // SAFETY: plain numbers, of which all zero is a value.
    let mut tuple: bpf_sock_tuple = unsafe { core::mem::zeroed() };
    tuple.__bindgen_anon_1.ipv4.daddr = u32::from_ne_bytes(question.address);
    tuple.__bindgen_anon_1.ipv4.dport = u16::from_ne_bytes(question.port);
    const { assert!(size_of::<bpf_sock_tuple>() >= IPV4_TUPLE as usize) };
    // SAFETY: the tuple lives on the stack and is at least as large as is said.
    let socket = unsafe {
        bpf_sk_lookup_udp(ctx.as_ptr(), &mut tuple, IPV4_TUPLE, BPF_F_CURRENT_NETNS as u64, 0)
    };
    if socket.is_null() {
        return answer;
    }
    // SAFETY: the socket is not null and released below, as the verifier sees to.
    unsafe { answer_for(ctx, socket, &mut answer) };
    answer
}

#[inline(always)]
unsafe fn answer_for(ctx: &TcContext, socket: *mut bpf_sock, answer: &mut SocketAnswer) {
    answer.found = 1;
    // SAFETY: as the caller promises.
    unsafe {
        answer.port = (*socket).src_port;
        answer.assigned = bpf_sk_assign(ctx.as_ptr(), socket.cast(), 0) as i32;
        answer.assigned_with_unknown_flag =
            bpf_sk_assign(ctx.as_ptr(), socket.cast(), UNKNOWN_FLAG) as i32;
        bpf_sk_release(socket.cast());
    }
}
