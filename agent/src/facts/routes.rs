//! Routes of all tables, and the rules that choose a table.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::prefix::Prefix;

/// Routes of all tables.
///
/// Left out are those that the kernel makes by itself for each address and interface: of the table
/// `local` (255) and to IPv6 link-local and multicast prefixes, with protocol `kernel`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// The routes, in the kernel's order.
    pub list: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Table; 254 is `main`, 253 `default`, 255 `local`.
    pub table: u32,
    /// Where packets go to that take it; `0.0.0.0/0` or `::/0` is the default route.
    pub destination: Prefix,
    /// Where they come from, where the route says so (IPv6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Prefix>,
    /// What happens to them.
    pub kind: RouteKind,
    /// Who made it: `RTPROT_*` of `include/uapi/linux/rtnetlink.h`; 2 kernel, 3 boot, 4 static,
    /// 12 BIRD, 80 Calico's default.
    pub protocol: u8,
    /// `enum rt_scope_t`: 0 global, 253 link, 254 host. Always 0 with IPv6.
    pub scope: u8,
    /// Index of the interface that they leave by; `None`: none, or several ([`Route::next_hops`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u32>,
    /// The next router; `None`: the destination is on the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Source address that the host's own packets take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// Metric (`RTA_PRIORITY`); the least wins. `None`: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// MTU in bytes for this route (`RTAX_MTU`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu_bytes: Option<u32>,
    /// `RTNH_F_*`; 4 is `onlink`.
    pub flags: u32,
    /// Where the route has several ways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_hops: Vec<NextHop>,
}

/// One way of a route with several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// Index of the interface.
    pub link: u32,
    /// The next router; `None`: the destination is on the link.
    pub gateway: Option<IpAddr>,
}

/// `RTN_*` of `include/uapi/linux/rtnetlink.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// On to a router or a link.
    Unicast,
    /// To this host itself.
    Local,
    /// Accepted as broadcast.
    Broadcast,
    /// Accepted, sent as unicast.
    Anycast,
    /// To a group.
    Multicast,
    /// Dropped without a word.
    Blackhole,
    /// Refused: unreachable.
    Unreachable,
    /// Refused: prohibited.
    Prohibit,
    /// On to the next rule.
    Throw,
    /// Another one, by number.
    Other(u8),
}

/// One policy rule, see ip-rule(8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether it is of IPv6.
    pub ipv6: bool,
    /// Priority; the least comes first.
    pub priority: u32,
    /// What follows when it matches.
    pub action: RuleAction,
    /// It matches what does not match (`not`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub invert: bool,
    /// Source prefix; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Prefix>,
    /// Destination prefix; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Prefix>,
    /// Packet mark, with the mask that it is compared under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Name of the interface that packets came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Name of the interface that the sending socket is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Who made it (`RTPROT_*`); `None`: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
}

/// A packet mark and which of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Value.
    pub value: u32,
    /// Mask.
    pub mask: u32,
}

/// `FR_ACT_*` of `include/uapi/linux/fib_rules.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Look into this table.
    Table(u32),
    /// Go on at the rule of this priority.
    Goto(u32),
    /// Nothing.
    Nop,
    /// Drop without a word.
    Blackhole,
    /// Refuse: unreachable.
    Unreachable,
    /// Refuse: prohibited.
    Prohibit,
    /// Another one, by number.
    Other(u8),
}
