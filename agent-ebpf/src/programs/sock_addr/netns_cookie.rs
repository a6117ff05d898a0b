//! `bpf_get_netns_cookie`, by which sockets of the host and of pods are told apart.

use aya_ebpf::EbpfContext;
use aya_ebpf::btf_maps::Array;
use aya_ebpf::helpers::bpf_get_netns_cookie;
use aya_ebpf::macros::{btf_map, cgroup_sock_addr};
use aya_ebpf::programs::SockAddrContext;

#[btf_map]
static COOKIE: Array<u64, 1> = Array::new();

/// Writes the cookie of the connecting socket's network namespace into `COOKIE`.
#[cgroup_sock_addr(connect4)]
fn netns_cookie(ctx: SockAddrContext) -> i32 {
    // SAFETY: the context is the kernel's own, as the helper asks.
    let cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    let _ = COOKIE.set(0, &cookie, 0);
    1
}
