//! Translation of a service's address inside connect(2), as Cilium's socket load balancer does it.

use agent_ebpf::selftest::{SERVICE_IP, SERVICE_PORT};
use aya_ebpf::Global;
use aya_ebpf::btf_maps::Array;
use aya_ebpf::macros::{btf_map, cgroup_sock_addr};
use aya_ebpf::programs::SockAddrContext;

/// Where the service's connections go instead, on 127.0.0.1, in host order; set before the load.
#[unsafe(no_mangle)]
static BACKEND_PORT: Global<u16> = Global::new(0);

/// How often the program was called: tells a call that did nothing from no call.
#[btf_map]
static CALLS: Array<u64, 1> = Array::new();

const BACKEND_IP: [u8; 4] = [127, 0, 0, 1];
/// What lets the connect(2) go on.
const PROCEED: i32 = 1;

/// Rewrites the destination where it is the service's.
#[cgroup_sock_addr(connect4)]
fn connect4_rewrite(ctx: SockAddrContext) -> i32 {
    if let Some(calls) = CALLS.get_ptr_mut(0) {
        // SAFETY: the value is valid while the program runs; one process connects at a time.
        unsafe { *calls += 1 };
    }
    let address = ctx.sock_addr;
    // SAFETY: the context is the kernel's own; the verifier checks each field.
    unsafe {
        let ip = (*address).user_ip4;
        let port = (*address).user_port;
        if ip == u32::from_ne_bytes(SERVICE_IP) && port == u32::from(SERVICE_PORT.to_be()) {
            (*address).user_ip4 = u32::from_ne_bytes(BACKEND_IP);
            (*address).user_port = u32::from(BACKEND_PORT.load().to_be());
        }
    }
    PROCEED
}
