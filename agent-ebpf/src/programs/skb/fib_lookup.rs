//! `bpf_fib_lookup`, by which a datapath asks the kernel's routing table.

use core::mem::size_of;

use agent_ebpf::selftest::{FibQuestion, PAYLOAD};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::bpf_fib_lookup as Lookup;
use aya_ebpf::helpers::bpf_fib_lookup;
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

/// `AF_INET`, socket(2).
const IPV4: u8 = 2;

/// Asks what the payload says; returns what the helper said: `BPF_FIB_LKUP_RET_*` or -errno.
#[classifier]
fn fib_lookup(ctx: TcContext) -> i32 {
    let Ok(question) = ctx.load::<FibQuestion>(PAYLOAD) else { return i32::MIN };
    // SAFETY: plain numbers, of which all zero is a value.
    let mut lookup: Lookup = unsafe { core::mem::zeroed() };
    lookup.family = IPV4;
    lookup.ifindex = question.interface;
    lookup.__bindgen_anon_3.ipv4_src = u32::from_ne_bytes(question.source);
    lookup.__bindgen_anon_4.ipv4_dst = u32::from_ne_bytes(question.destination);
    // SAFETY: the parameters live on the stack and their size is given.
    unsafe {
        bpf_fib_lookup(ctx.as_ptr(), &mut lookup, size_of::<Lookup>() as i32, question.flags) as i32
    }
}
