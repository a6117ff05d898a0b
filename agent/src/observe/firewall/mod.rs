//! nftables, legacy iptables, ipsets and IPVS of the network namespace that this process is in.
//!
//! Nothing is asked that would make the kernel load a module or create a table. No crate is taken:
//! `rustables` is under the GPL, `nftnl` needs C libraries, and `netlink-packet-netfilter` knows
//! logging and connection tracking only.

mod chains;
pub mod ipset;
pub mod ipvs;
pub mod legacy;
mod modules;
pub mod nftables;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Host;
use super::deadline::{self, within};
use super::procfs;
use crate::facts::Observed;
use crate::facts::config::ConfigFacts;
use crate::facts::firewall::{FirewallFacts, Ipvs, LegacyTable};
use legacy::Ip;
use modules::Modules;

/// Longest wait for each of them.
const LIMIT: Duration = deadline::seconds(3);

const IPVS: &str = "/proc/thread-self/net/ip_vs";

/// Lists what netfilter holds.
pub fn firewall(host: &Host, config: &ConfigFacts) -> FirewallFacts {
    let live = || {
        let modules = Modules::new(host, config);
        let nftables = || within(LIMIT, "nftables", || nftables::tables().into());
        let ipsets = || within(LIMIT, "ipsets", || ipset::sets().into());
        FirewallFacts {
            nftables: modules.if_there("nf_tables", "CONFIG_NF_TABLES", nftables),
            iptables: legacy_tables(host, Ip::V4),
            ip6tables: legacy_tables(host, Ip::V6),
            ipsets: modules.if_there("ip_set", "CONFIG_IP_SET", ipsets),
            ipvs: ipvs(host),
        }
    };
    host.ask("firewall", live, |failure| FirewallFacts::unknown(&failure))
}

/// The tables that are there by the kernel's own list of names. To ask for any other one would
/// create it.
fn legacy_tables(host: &Host, ip: Ip) -> Observed<Vec<LegacyTable>> {
    let path = legacy::names_path(ip);
    match host.read(path) {
        Ok(Some(names)) => {
            let names: Vec<String> = names.lines().map(str::to_owned).collect();
            within(LIMIT, "iptables", move || {
                Observed::Known(names.into_iter().map(|it| legacy::table(ip, it)).collect())
            })
        }
        Ok(None) => procfs::absent(host, path, Vec::new()),
        Err(error) => Observed::Unknown(error.into()),
    }
}

fn ipvs(host: &Host) -> Observed<Option<Ipvs>> {
    match host.read(IPVS) {
        Ok(Some(text)) => ipvs::parse(IPVS, &text).map(Some).into(),
        Ok(None) => procfs::absent(host, IPVS, None),
        Err(error) => Observed::Unknown(error.into()),
    }
}
