//! Netfilter: nftables, the legacy tables of iptables, ipsets, IPVS.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Failure, Observed};

/// What netfilter holds in the network namespace that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {
    /// Tables of nftables, those that `iptables-nft` makes among them, by family and name. Needs
    /// CAP_NET_ADMIN. `Known` and empty: none, or the module is not loaded.
    pub nftables: Observed<Vec<Table>>,
    /// Legacy tables of iptables by their names in `/proc/net/ip_tables_names`; a table that is
    /// not there was not asked for, since asking makes the kernel create it. `Known` and empty: none.
    /// Their chains need CAP_NET_ADMIN (iptables(8) itself also CAP_NET_RAW, for the kind of socket
    /// that it takes).
    pub iptables: Observed<Vec<LegacyTable>>,
    /// Likewise of ip6tables, `/proc/net/ip6_tables_names`.
    pub ip6tables: Observed<Vec<LegacyTable>>,
    /// Sets of ipset(8). Needs CAP_NET_ADMIN. `Known` and empty: none, or no module.
    pub ipsets: Observed<Vec<Ipset>>,
    /// The load balancer of the kernel; `Known(None)`: not loaded.
    pub ipvs: Observed<Option<Ipvs>>,
}

impl FirewallFacts {
    /// Nothing could be told.
    pub fn unknown(failure: &Failure) -> Self {
        Self {
            nftables: Observed::Unknown(failure.clone()),
            iptables: Observed::Unknown(failure.clone()),
            ip6tables: Observed::Unknown(failure.clone()),
            ipsets: Observed::Unknown(failure.clone()),
            ipvs: Observed::Unknown(failure.clone()),
        }
    }
}

/// `enum nfproto` of `include/uapi/linux/netfilter.h`, in the words of nft(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// ARP.
    Arp,
    /// A device's ingress or egress.
    Netdev,
    /// Bridges.
    Bridge,
    /// IPv6.
    Ip6,
    /// Another one, by number.
    Other(u8),
}

/// One table of nftables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Family.
    pub family: Family,
    /// Name.
    pub name: String,
    /// Its chains.
    pub chains: Chains,
    /// Names of its sets and maps, anonymous ones left out; no more than [`Table::MOST_SETS`].
    pub sets: Vec<String>,
    /// Names of its flow tables.
    pub flowtables: Vec<String>,
}

impl Table {
    /// Most sets of one table that are named.
    pub const MOST_SETS: usize = 1_000;
}

/// One legacy table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyTable {
    /// `filter`, `nat`, `mangle`, `raw`, `security`.
    pub name: String,
    /// How many entries it has: rules, policies, chain heads. Needs CAP_NET_ADMIN.
    pub entries: Observed<u32>,
    /// Its chains, likewise.
    pub chains: Observed<Chains>,
}

/// Chains of one table.
///
/// Services make tens of thousands of chains. All base chains are held, and of the others no more
/// than [`Chains::MOST_ALIKE`] that begin alike and [`Chains::MOST`] in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chains {
    /// The chains, in the kernel's order.
    pub list: Vec<Chain>,
    /// How many were left out, by the beginning of their names (`KUBE-SEP-`, `endpoint-`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u32>,
}

impl Chains {
    /// Most chains of one table that begin alike.
    pub const MOST_ALIKE: usize = 50;
    /// Most chains of one table.
    pub const MOST: usize = 2_000;

    /// A chain by its name.
    pub fn named(&self, name: &str) -> Option<&Chain> {
        self.list.iter().find(|it| it.name == name)
    }

    /// How many chains begin with this, the ones that were left out included.
    pub fn beginning_with(&self, prefix: &str) -> usize {
        let listed = self.list.iter().filter(|it| it.name.starts_with(prefix)).count();
        let left_out = self.left_out.iter().filter(|(name, _)| name.starts_with(prefix));
        listed + left_out.map(|(_, count)| *count as usize).sum::<usize>()
    }
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Name.
    pub name: String,
    /// Where packets enter it; `None`: only by a jump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// How many rules it has, and of nftables also how many jumps lead to it (`NFTA_CHAIN_USE`);
    /// `None`: the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Rules: of base chains, and of others with at most [`Chain::FEW_RULES`] uses. No more than
    /// [`Chain::MOST_RULES`], the first ones. Unknown when they were not asked for (cause
    /// `too_large`) or could not be read.
    pub rules: Observed<Vec<Rule>>,
}

impl Chain {
    /// Most rules of one chain that are held.
    pub const MOST_RULES: usize = 200;
    /// Of a chain that is no base chain, rules are held when it has no more than this.
    pub const FEW_RULES: u32 = 20;
}

/// Where a base chain is hooked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Hook.
    pub hook: Hook,
    /// Priority; the least comes first. `None` for a legacy table, which has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// What becomes of a packet that no rule decides over.
    pub accepts: bool,
    /// Names of devices, of the family `netdev` and `inet` ingress.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
}

/// `enum nf_inet_hooks` and `enum nf_dev_hooks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// After routing.
    Postrouting,
    /// A device receives.
    Ingress,
    /// A device sends.
    Egress,
    /// Another one, by number.
    Other(u8),
}

/// One rule, as far as an owner can be told by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its comment, wherever it is written (`xt_comment`, user data of nft).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What it does in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Input interface that it asks for; a trailing `+` stands for any end (`eni+`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Output interface, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How many packets took it; `None`: not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
}

/// What a rule does with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Accept.
    Accept,
    /// Drop.
    Drop,
    /// Back to the chain that jumped here.
    Return,
    /// Into this chain, and back.
    Jump(String),
    /// Into this chain, without return.
    Goto(String),
    /// What the map of this name says (nft's `vmap`).
    Map(String),
    /// A target of iptables or an expression of nftables, by the kernel's name for it (`MARK`,
    /// `MASQUERADE`; `masq`, `nat`, `notrack`).
    Named(String),
}

/// One set of ipset(8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipset {
    /// Name.
    pub name: String,
    /// `hash:ip`, `hash:net`, …
    pub kind: String,
    /// How many entries it has; `None`: the kernel does not say.
    pub entries: Option<u32>,
}

/// Services of the kernel's load balancer, `/proc/net/ip_vs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipvs {
    /// How many services there are.
    pub services: u32,
    /// How many of them have a destination.
    pub served: u32,
    /// The first [`Ipvs::MOST`].
    pub list: Vec<IpvsService>,
}

impl Ipvs {
    /// Most services that are held.
    pub const MOST: usize = 500;
}

/// One virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpvsService {
    /// `TCP`, `UDP`, `SCTP`, or `FWM` for a firewall mark.
    pub protocol: String,
    /// Its address; `None`: a firewall mark.
    pub address: Option<IpAddr>,
    /// Its port, or the firewall mark.
    pub port: u32,
    /// `rr`, `wrr`, …
    pub scheduler: String,
    /// How many destinations it has.
    pub destinations: u32,
}
