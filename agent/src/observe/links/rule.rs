//! Rules of IPv4 and IPv6, `RTM_NEWRULE`.

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;

use super::super::netlink::{Attributes, Connection, NetlinkError};
use super::address::is_ip;
use crate::facts::prefix::Prefix;
use crate::facts::routes::{Mark, Rule, RuleAction};

/// `struct fib_rule_hdr`: family, lengths of destination and source, TOS, table, reserved (2),
/// action, flags.
const HEADER_BYTES: usize = 12;
const FIB_RULE_INVERT: u32 = 2;

/// A kernel that has no such rules: built without CONFIG_IP_MULTIPLE_TABLES
/// (CONFIG_IPV6_MULTIPLE_TABLES), or without IPv6. `fib_nl_dumprule()` and `rtnetlink_rcv_msg()`.
const NONE: [Errno; 2] = [Errno::AFNOSUPPORT, Errno::OPNOTSUPP];

pub(super) fn rules() -> Result<Vec<Rule>, NetlinkError> {
    let mut rules = Vec::new();
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        let mut question = [0; HEADER_BYTES];
        question[0] = family;
        let mut route = Connection::open(NETLINK_ROUTE)?;
        let list = route.dump_each(libc::RTM_GETRULE, &question, |answer| {
            Ok(parse(answer)?.filter(|_| answer.first() == Some(&family)))
        });
        match list {
            Ok(list) => rules.extend(list),
            Err(error) if error.refusal().is_some_and(|it| NONE.contains(&it)) => {}
            Err(error) => return Err(error),
        }
    }
    rules.sort_by_key(|it: &Rule| (it.ipv6, it.priority));
    Ok(rules)
}

/// Reads one `RTM_NEWRULE` message; total on any bytes. `None`: of another family than IP.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is cut short.
pub fn parse(answer: &[u8]) -> Result<Option<Rule>, NetlinkError> {
    let (header, it) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [family, to_length, from_length, _tos, table, _, _, action, a, b, c, d] = *header;
    if !is_ip(family) {
        return Ok(None);
    }
    let prefix = |kind: u16, length| {
        let address = it.address(kind)?;
        Ok::<_, NetlinkError>(address.map(|address| Prefix { address, length }))
    };
    let number = |kind: uapi::_bindgen_ty_69| it.u32(kind as u16);
    let mark = number(uapi::FRA_FWMARK)?;
    let mask = number(uapi::FRA_FWMASK)?;
    let table = number(uapi::FRA_TABLE)?.unwrap_or(table.into());
    Ok(Some(Rule {
        ipv6: i32::from(family) == libc::AF_INET6,
        priority: number(uapi::FRA_PRIORITY)?.unwrap_or(0),
        action: rule_action(action, table, number(uapi::FRA_GOTO)?.unwrap_or(0)),
        invert: u32::from_ne_bytes([a, b, c, d]) & FIB_RULE_INVERT != 0,
        from: prefix(uapi::FRA_SRC as u16, from_length)?,
        to: prefix(uapi::FRA_DST as u16, to_length)?,
        // Without a mark the kernel tells neither, or both as 0.
        mark: mark.map(|value| Mark { value, mask: mask.unwrap_or(u32::MAX) }),
        input: it.text(uapi::FRA_IIFNAME as u16),
        output: it.text(uapi::FRA_OIFNAME as u16),
        protocol: it.u8(uapi::FRA_PROTOCOL as u16)?,
    }))
}

/// `FR_ACT_*` of `include/uapi/linux/fib_rules.h`.
fn rule_action(number: u8, table: u32, goto: u32) -> RuleAction {
    match number {
        1 => RuleAction::Table(table),
        2 => RuleAction::Goto(goto),
        3 => RuleAction::Nop,
        6 => RuleAction::Blackhole,
        7 => RuleAction::Unreachable,
        8 => RuleAction::Prohibit,
        other => RuleAction::Other(other),
    }
}
