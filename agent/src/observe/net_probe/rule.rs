//! Policy routing.

use linux_raw_sys::netlink as uapi;
use rustix::io::Errno;

use super::super::netlink::{Connection, attribute, body};
use super::verdict;
use crate::facts::bpf::Support;

/// Nothing handles the message without CONFIG_FIB_RULES (EOPNOTSUPP), and no rules of IPv4 are
/// there without CONFIG_IP_MULTIPLE_TABLES (`fib_nl_newrule()` of `net/core/fib_rules.c`).
const ABSENT: [Errno; 2] = [Errno::OPNOTSUPP, Errno::AFNOSUPPORT];

/// `FR_ACT_TO_TBL` of `include/uapi/linux/fib_rules.h`.
const TO_TABLE: u8 = 1;

/// A rule as Cilium's proxy has it: by mark, to a table of its own.
pub(super) fn fib_rule(route: &mut Connection) -> Support {
    let number =
        |kind: uapi::_bindgen_ty_69, value: u32| attribute(kind as u16, &value.to_ne_bytes());
    let attributes = [
        number(uapi::FRA_PRIORITY, 9),
        number(uapi::FRA_FWMARK, 0x200),
        number(uapi::FRA_FWMASK, 0xf00),
        number(uapi::FRA_TABLE, 2004),
    ];
    let flags = (uapi::NLM_F_CREATE | uapi::NLM_F_EXCL) as u16;
    let done = route.ask(libc::RTM_NEWRULE, flags, &body(&header(), &attributes)).map(drop);
    verdict::of_netlink("IPv4 rule by mark", done, &ABSENT)
}

/// `struct fib_rule_hdr` of `include/uapi/linux/fib_rules.h`.
fn header() -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = libc::AF_INET as u8;
    header[7] = TO_TABLE;
    header
}
