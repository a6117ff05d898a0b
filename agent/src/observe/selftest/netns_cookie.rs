//! `bpf_get_netns_cookie`.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use aya::maps::{Array, MapData};

use super::Checked;
use super::bench::{Bench, wrong};
use super::cgroup::Cgroup;
use super::connect4::{OBJECT, SERVICE, attach};
use super::connector::{Socket, connect};
use crate::facts::Cause;
use crate::facts::bpf::Support;

/// The program sees the cookie of our network namespace while a process of the cgroup connects.
///
/// It is asked of a CGROUP_SOCK_ADDR program: the types that Cilium uses it in cannot be test-run.
pub(super) fn check(bench: Bench, cgroup: &Cgroup) -> Checked {
    let object = bench.object(OBJECT, &[])?;
    let _link = attach(bench, &object, "netns_cookie", cgroup)?;
    // The program runs before the kernel looks for a route, so the answer does not matter.
    let answer = connect(cgroup, Socket::Udp, SERVICE).map_err(Support::Unknown)?;
    let cookie: Array<MapData, u64> = bench.map(&object, "COOKIE")?;
    let cookie = cookie.get(&0, 0).map_err(|it| bench.undecided("read COOKIE", &it))?;
    match (cookie, own_cookie()) {
        (0, _) => {
            // See `connect4`: the program may not have been called.
            let detail = format!("no cookie has arrived, connect(2) answered {answer:?}");
            Err(Support::unknown(Cause::Inconclusive, detail))
        }
        (seen, Some(own)) if seen != own => {
            Err(wrong(format!("the program saw cookie {seen}, our namespace has {own}")))
        }
        (_, Some(_) | None) => Ok(()),
    }
}

/// The cookie of our network namespace by SO_NETNS_COOKIE; `None` before Linux 5.14.
fn own_cookie() -> Option<u64> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).ok()?;
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `cookie`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    (answer == 0).then_some(cookie)
}
