//! A connect4 program that rewrites a real connect(2).

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use agent_ebpf::selftest::{SERVICE_IP, SERVICE_PORT};
use aya::maps::{Array, MapData};
use rustix::io::Errno;

use super::Checked;
use super::bench::{Bench, wrong};
use super::cgroup::Cgroup;
use super::connector::{Socket, connect};
use crate::facts::Cause;
use crate::facts::bpf::Support;
use crate::observe::bpf::sys::{Cmd, LinkCreate, bpf_fd};
use crate::observe::object::{Kind, Object, embedded};

pub(super) static OBJECT: &[u8] = embedded!("sock_addr");

/// `BPF_PROG_TYPE_CGROUP_SOCK_ADDR` for `BPF_CGROUP_INET4_CONNECT`.
const CONNECT4: Kind = Kind { program_type: 18, expected_attach_type: 10, attach_btf_id: 0 };

/// The service's address, which nobody has.
pub(super) const SERVICE: SocketAddrV4 = {
    let [a, b, c, d] = SERVICE_IP;
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), SERVICE_PORT)
};

/// A process in the cgroup connects to the service and arrives at a socket of ours.
pub(super) fn check(bench: Bench, cgroup: &Cgroup) -> Checked {
    let unusable = |it| Support::unknown(Cause::Prerequisite, format!("no TCP socket: {it}"));
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(unusable)?;
    backend.set_nonblocking(true).map_err(unusable)?;
    let port = backend.local_addr().map_err(unusable)?.port();
    let object = bench.object(OBJECT, &[("BACKEND_PORT", &port.to_ne_bytes())])?;
    let _link = attach(bench, &object, "connect4_rewrite", cgroup)?;
    let answer = connect(cgroup, Socket::Tcp, SERVICE).map_err(Support::Unknown)?;
    match (answer, backend.accept()) {
        (Ok(()), Ok((_, peer))) if peer.ip() == Ipv4Addr::LOCALHOST => Ok(()),
        (Ok(()), Ok((_, peer))) => Err(wrong(format!("the connection comes from {peer}"))),
        (Ok(()), Err(_)) => Err(wrong("connect(2) answers 0 and nothing has arrived")),
        (Err(errno), _) => {
            // Only a connection that works without a program says whose fault it was.
            let direct = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
            let control = connect(cgroup, Socket::Tcp, direct).map_err(Support::Unknown)?;
            Err(why_not(bench, &object, errno, control))
        }
    }
}

fn why_not(bench: Bench, object: &Object, errno: Errno, control: Result<(), Errno>) -> Support {
    if let Err(errno) = control {
        let detail = format!("connections on loopback do not work here: {errno}");
        return Support::unknown(Cause::Prerequisite, detail);
    }
    match calls(bench, object) {
        Err(support) => support,
        // Before Linux 5.16 sockets count as the root cgroup's where v1's net_cls or net_prio are
        // in use: `cgroup_sk_alloc()` of <https://github.com/torvalds/linux/blob/v5.10/kernel/cgroup/cgroup.c>.
        Ok(0) => Support::unknown(
            Cause::Inconclusive,
            "the kernel did not call the program of the throw-away cgroup",
        ),
        Ok(_) => wrong(format!("connect(2) to the service was not translated: {errno}")),
    }
}

/// How often `connect4_rewrite` was called.
fn calls(bench: Bench, object: &Object) -> Result<u64, Support> {
    let calls: Array<MapData, u64> = bench.map(object, "CALLS")?;
    calls.get(&0, 0).map_err(|it| bench.undecided("read CALLS", &it))
}

/// Loads a program of [`OBJECT`] and attaches it to the cgroup, as long as the link is held.
///
/// A link of a cgroup takes no flags and never keeps other programs out.
pub(super) fn attach(
    bench: Bench,
    object: &Object,
    name: &str,
    cgroup: &Cgroup,
) -> Result<OwnedFd, Support> {
    let program = bench.load_as(object, name, CONNECT4)?;
    let mut attr = LinkCreate {
        prog_fd: program.as_raw_fd(),
        target: cgroup.as_fd().as_raw_fd(),
        attach_type: CONNECT4.expected_attach_type,
        ..LinkCreate::default()
    };
    bpf_fd(Cmd::LinkCreate, &mut attr)
        .map_err(|errno| bench.rights.undecided("attach to the throw-away cgroup", errno))
}
