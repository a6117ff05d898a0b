//! Queueing disciplines, on the namespace's loopback.

use linux_raw_sys::netlink as uapi;
use rustix::io::Errno;

use super::super::netlink::{Connection, attribute, body};
use super::link::LOOPBACK;
use super::verdict;
use crate::facts::bpf::Support;

/// `TC_H_ROOT`, `TC_H_CLSACT` of `include/uapi/linux/pkt_sched.h`, and the handle of clsact.
const ROOT: u32 = 0xffff_ffff;
const CLSACT: u32 = 0xffff_fff1;
const CLSACT_HANDLE: u32 = 0xffff_0000;

/// `qdisc_create()` of `net/sched/sch_api.c` answers ENOENT for a kind that nobody registered;
/// without CONFIG_NET_SCHED nothing handles the message.
const UNKNOWN_KIND: [Errno; 2] = [Errno::NOENT, Errno::OPNOTSUPP];

pub(super) fn clsact(route: &mut Connection) -> Support {
    create(route, "clsact", CLSACT, CLSACT_HANDLE)
}

pub(super) fn fq(route: &mut Connection) -> Support {
    create(route, "fq", ROOT, 0)
}

fn create(route: &mut Connection, kind: &str, parent: u32, handle: u32) -> Support {
    let name = attribute(uapi::TCA_KIND as u16, format!("{kind}\0").as_bytes());
    let flags = (uapi::NLM_F_CREATE | uapi::NLM_F_REPLACE) as u16;
    let question = body(&header(parent, handle), &[name]);
    let done = route.ask(libc::RTM_NEWQDISC, flags, &question).map(drop);
    verdict::of_netlink(&format!("qdisc {kind}"), done, &UNKNOWN_KIND)
}

/// `struct tcmsg` of `include/uapi/linux/rtnetlink.h`, for the loopback.
fn header(parent: u32, handle: u32) -> [u8; 20] {
    let mut header = [0; 20];
    header[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    header[8..12].copy_from_slice(&handle.to_ne_bytes());
    header[12..16].copy_from_slice(&parent.to_ne_bytes());
    header
}
