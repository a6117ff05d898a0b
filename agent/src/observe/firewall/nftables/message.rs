//! Messages of nf_tables: tables, chains, rules, sets.

use super::super::super::netlink::{Attributes, NetlinkError, text};
use super::super::ipset::HEADER_BYTES;
use super::expression;
use crate::facts::firewall::{Base, Chain, Family, Hook, Rule};
use crate::facts::{Cause, Observed};

// `include/uapi/linux/netfilter/nf_tables.h`.
const NFTA_TABLE_NAME: u16 = 1;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_USE: u16 = 6;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_HOOK_DEV: u16 = 3;
const NFTA_HOOK_DEVS: u16 = 4;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;
const NFTA_SET_TABLE: u16 = 1;
const NFTA_SET_NAME: u16 = 2;
const NFTA_SET_FLAGS: u16 = 3;
const NFT_SET_ANONYMOUS: u32 = 1;
const NFTA_FLOWTABLE_TABLE: u16 = 1;
const NFTA_FLOWTABLE_NAME: u16 = 2;
const NF_ACCEPT: u32 = 1;

/// A table by its family and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Family.
    pub family: Family,
    /// Name.
    pub name: String,
}

/// A chain without its rules, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its table.
    pub table: Named,
    /// The chain.
    pub chain: Chain,
}

/// Reads one table; total on any bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is missing or cut short; so for all of these.
pub fn table(answer: &[u8]) -> Result<Option<Named>, NetlinkError> {
    let (family, attributes) = open(answer)?;
    Ok(Some(Named { family, name: name(&attributes, NFTA_TABLE_NAME)? }))
}

/// Reads one chain; total on any bytes.
///
/// # Errors
///
/// As [`table`].
pub fn chain(answer: &[u8]) -> Result<Head, NetlinkError> {
    let (family, attributes) = open(answer)?;
    let table = Named { family, name: name(&attributes, NFTA_CHAIN_TABLE)? };
    let base = match attributes.get(NFTA_CHAIN_HOOK) {
        Some(hook) => Some(base(family, &Attributes::parse(hook)?, &attributes)?),
        None => None,
    };
    let chain = Chain {
        name: name(&attributes, NFTA_CHAIN_NAME)?,
        base,
        uses: attributes.be32(NFTA_CHAIN_USE)?,
        rules: Observed::unknown(Cause::TooLarge, "not asked for"),
    };
    Ok(Head { table, chain })
}

fn base(
    family: Family,
    hook: &Attributes<'_>,
    chain: &Attributes<'_>,
) -> Result<Base, NetlinkError> {
    let missing = || NetlinkError::malformed("a hook", "a base chain without");
    let number = hook.be32(NFTA_HOOK_HOOKNUM)?.ok_or_else(missing)?;
    let mut devices: Vec<String> = hook.text(NFTA_HOOK_DEV).into_iter().collect();
    for (_, device) in hook.nested(NFTA_HOOK_DEVS)?.iter() {
        let device = text(device);
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    Ok(Base {
        hook: hook_of(family, number),
        priority: hook.be32(NFTA_HOOK_PRIORITY)?.map(u32::cast_signed),
        // A chain of type `filter` without a policy accepts.
        accepts: chain.be32(NFTA_CHAIN_POLICY)?.is_none_or(|it| it == NF_ACCEPT),
        devices,
    })
}

/// Reads one rule of `chain`; total on any bytes. `None`: a rule of another one, which a kernel
/// that cannot filter the list (before Linux 4.11) tells as well.
///
/// # Errors
///
/// As [`table`].
pub fn rule(answer: &[u8], chain: &Chain) -> Result<Option<Rule>, NetlinkError> {
    let (_, attributes) = open(answer)?;
    if attributes.text(NFTA_RULE_CHAIN).as_deref() != Some(chain.name.as_str()) {
        return Ok(None);
    }
    let mut rule = expression::rule(&attributes.nested(NFTA_RULE_EXPRESSIONS)?)?;
    let user_data = attributes.get(NFTA_RULE_USERDATA).unwrap_or_default();
    rule.comment = rule.comment.or_else(|| comment(user_data));
    Ok(Some(rule))
}

/// The comment in what nft(8) keeps with a rule: type, length, value, as libnftnl's `udata.h` has
/// it; type 0 is the comment.
fn comment(mut user_data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = user_data {
        let (value, next) = rest.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            return Some(text(value));
        }
        user_data = next;
    }
    None
}

/// Reads one set; total on any bytes. `None`: one without a name of its own.
///
/// # Errors
///
/// As [`table`].
pub fn set(answer: &[u8]) -> Result<Option<(Named, String)>, NetlinkError> {
    let (family, attributes) = open(answer)?;
    let flags = attributes.be32(NFTA_SET_FLAGS)?.unwrap_or(0);
    if flags & NFT_SET_ANONYMOUS != 0 {
        return Ok(None);
    }
    let table = Named { family, name: name(&attributes, NFTA_SET_TABLE)? };
    Ok(Some((table, name(&attributes, NFTA_SET_NAME)?)))
}

/// Reads one flow table; total on any bytes.
///
/// # Errors
///
/// As [`table`].
pub fn flowtable(answer: &[u8]) -> Result<Option<(Named, String)>, NetlinkError> {
    let (family, attributes) = open(answer)?;
    let table = Named { family, name: name(&attributes, NFTA_FLOWTABLE_TABLE)? };
    Ok(Some((table, name(&attributes, NFTA_FLOWTABLE_NAME)?)))
}

fn open(answer: &[u8]) -> Result<(Family, Attributes<'_>), NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    Ok((family_of(header[0]), attributes))
}

fn name(attributes: &Attributes<'_>, kind: u16) -> Result<String, NetlinkError> {
    attributes.text(kind).ok_or_else(|| NetlinkError::malformed("a name", "none"))
}

/// `enum nfproto` of `include/uapi/linux/netfilter.h`.
fn family_of(number: u8) -> Family {
    match number {
        1 => Family::Inet,
        2 => Family::Ip,
        3 => Family::Arp,
        5 => Family::Netdev,
        7 => Family::Bridge,
        10 => Family::Ip6,
        other => Family::Other(other),
    }
}

/// The inverse of what the kernel told.
pub(super) fn family_number(family: Family) -> u8 {
    match family {
        Family::Inet => 1,
        Family::Ip => 2,
        Family::Arp => 3,
        Family::Netdev => 5,
        Family::Bridge => 7,
        Family::Ip6 => 10,
        Family::Other(number) => number,
    }
}

/// `enum nf_inet_hooks`, of a device `enum nf_dev_hooks`, of ARP `NF_ARP_*`.
fn hook_of(family: Family, number: u32) -> Hook {
    match (family, number) {
        (Family::Netdev, 0) => Hook::Ingress,
        (Family::Netdev, 1) => Hook::Egress,
        (Family::Arp, 0) => Hook::Input,
        (Family::Arp, 1) => Hook::Output,
        (Family::Arp, 2) => Hook::Forward,
        (Family::Netdev | Family::Arp, other) => Hook::Other(small(other)),
        (_, 0) => Hook::Prerouting,
        (_, 1) => Hook::Input,
        (_, 2) => Hook::Forward,
        (_, 3) => Hook::Output,
        (_, 4) => Hook::Postrouting,
        (_, 5) => Hook::Ingress,
        (_, other) => Hook::Other(small(other)),
    }
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
