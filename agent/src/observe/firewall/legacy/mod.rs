//! Legacy tables of iptables and ip6tables, by getsockopt(2).
//!
//! iptables(8) takes a raw socket for it, and so needs CAP_NET_RAW. The kernel answers any IP
//! socket (`nf_getsockopt()` of `ip_getsockopt()`, `net/ipv4/ip_sockglue.c`) and asks for
//! CAP_NET_ADMIN alone (`do_ipt_get_ctl()` of `net/ipv4/netfilter/ip_tables.c`).

mod entries;
mod socket;

pub use entries::parse;

use rustix::io::Errno;

use crate::facts::firewall::LegacyTable;
use crate::facts::{Cause, Failure};
use crate::observe::host::cause_of_io;

/// IPv4 or IPv6: two sets of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ip {
    /// `ip_tables`.
    V4,
    /// `ip6_tables`.
    V6,
}

/// What a table says of itself before its entries: `struct ipt_getinfo` of
/// `include/uapi/linux/netfilter_ipv4/ip_tables.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Bits of the hooks that it has chains at.
    pub valid_hooks: u32,
    /// Where the chain of each hook begins, in bytes.
    pub hook_entry: [u32; 5],
    /// Where its policy is.
    pub underflow: [u32; 5],
    /// How many entries it has.
    pub num_entries: u32,
    /// How many bytes they are.
    pub size: u32,
}

/// Most bytes of entries that are asked for: some 50,000 rules.
const MOST_BYTES: u32 = 16 << 20;

/// The kernel's list of the tables that are there, in the calling thread's network namespace.
pub(super) fn names_path(ip: Ip) -> &'static str {
    match ip {
        Ip::V4 => "/proc/thread-self/net/ip_tables_names",
        Ip::V6 => "/proc/thread-self/net/ip6_tables_names",
    }
}

/// Reads one table, which must be there.
pub(super) fn table(ip: Ip, name: String) -> LegacyTable {
    let refused = |errno: Errno| {
        let error = std::io::Error::from(errno);
        Failure::new(cause_of_io(&error), format!("table {name}: {error}"))
    };
    let info = socket::info(ip, &name).map_err(refused);
    let chains = info.clone().and_then(|info| {
        if info.size > MOST_BYTES {
            let detail = format!("{} bytes of entries, not asked for", info.size);
            return Err(Failure::new(Cause::TooLarge, detail));
        }
        let bytes = socket::entries(ip, &name, info.size).map_err(|errno| match errno {
            // `get_entries()`: the table was replaced in between.
            Errno::AGAIN | Errno::INVAL => {
                Failure::new(Cause::Busy, format!("table {name} changed"))
            }
            errno => refused(errno),
        })?;
        let malformed = |what| Failure::new(Cause::Malformed, format!("table {name}: {what}"));
        parse(ip, &info, &bytes).map_err(malformed)
    });
    let entries = info.map(|it| it.num_entries);
    LegacyTable { name, entries: entries.into(), chains: chains.into() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::observe::net_probe::namespace::tests::inside;

    #[test]
    fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
        inside(|| {
            let rule = "-t filter -A FORWARD -i eni+ -m comment --comment x -j ACCEPT";
            let made = Command::new("iptables-legacy").args(rule.split(' ')).status();
            if !made.expect("iptables is installed (cargo xtask setup test)").success() {
                return eprintln!("skipped: this kernel has no legacy iptables");
            }
            let info = socket::info(Ip::V4, "filter").unwrap();
            let blob = socket::entries(Ip::V4, "filter", info.size).unwrap();
            let chains = parse(Ip::V4, &info, &blob).unwrap();
            assert_eq!(chains.list.len(), 3, "{chains:?}");
            for end in 0..blob.len() {
                let _ = parse(Ip::V4, &info, &blob[..end]);
                let _ = parse(Ip::V6, &info, &blob[..end]);
            }
            for at in 0..blob.len() {
                let mut broken = blob.clone();
                broken[at] ^= 0xff;
                let _ = parse(Ip::V4, &info, &broken);
                let _ = parse(Ip::V6, &info, &broken);
            }
        });
    }
}
