//! Calls of the helpers that work on a packet, as [`super::usual`] strings them together.

use super::gadget::{Argument, BUFFER, Gadget};
use super::names::program_type;

use Argument::{Context, Number};

/// Types that may call nearly all of them. For others a string of calls with many refusals in it
/// costs more than to ask one by one.
pub(super) const PROGRAMS: [u32; 2] = [program_type("sched_cls"), program_type("sched_act")];

const ZERO: Argument = Number(0);

/// Helpers that take the packet and numbers, or whatever they are given: redirect,
/// l3_csum_replace, clone_redirect, skb_change_tail, skb_adjust_room and kin. Numbers of
/// `enum bpf_func_id`, `include/uapi/linux/bpf.h`.
const NUMBERS: [i32; 27] = [
    10, 11, 13, 18, 19, 23, 24, 31, 32, 34, 38, 39, 40, 41, 43, 46, 47, 48, 50, 79, 83, 97, 122,
    135, 151, 155, 192,
];

/// Calls that the verifier accepts for [`PROGRAMS`] of a kernel that has the helper.
pub(super) fn gadgets() -> Vec<Gadget> {
    let numbers = NUMBERS.iter().map(|it| Gadget::of(*it, &[Context, ZERO, ZERO, ZERO, ZERO]));
    numbers.chain(with_memory()).chain(cookies()).collect()
}

fn with_memory() -> impl Iterator<Item = Gadget> {
    let size = Number(8);
    // skb_store_bytes, skb_load_bytes, skb_load_bytes_relative.
    let bytes = [9, 26, 68].map(|it| Gadget::of(it, &[Context, ZERO, BUFFER, size, ZERO]));
    // skb_get_tunnel_key, skb_set_tunnel_key, fib_lookup: at the packet, from or to memory.
    let keys = [20, 21, 69].map(|it| Gadget::of(it, &[Context, BUFFER, size, ZERO]));
    // skb_get_tunnel_opt, skb_set_tunnel_opt.
    let options = [29, 30].map(|it| Gadget::of(it, &[Context, BUFFER, size]));
    let others = [
        // csum_diff and redirect_neigh go without their memory.
        Gadget::of(28, &[ZERO, ZERO, ZERO, ZERO, ZERO]),
        Gadget::of(152, &[ZERO, ZERO, ZERO, ZERO]),
        // skb_get_xfrm_state, check_mtu.
        Gadget::of(66, &[Context, ZERO, BUFFER, size, ZERO]),
        Gadget::of(163, &[Context, ZERO, BUFFER, ZERO, ZERO]),
    ];
    bytes.into_iter().chain(keys).chain(options).chain(others)
}

/// tcp_raw_gen_syncookie_ipv4 and _ipv6, tcp_raw_check_syncookie_ipv4 and _ipv6: headers of 40
/// bytes at most.
fn cookies() -> impl Iterator<Item = Gadget> {
    let make = [204, 205].map(|it| Gadget::of(it, &[BUFFER, BUFFER, Number(20)]));
    let check = [206, 207].map(|it| Gadget::of(it, &[BUFFER, BUFFER]));
    make.into_iter().chain(check)
}
