//! What the expressions of a rule say of its owner: jump, comment, interfaces, counter.

use super::super::super::netlink::{Attributes, NetlinkError, text};
use crate::facts::firewall::{Rule, Target};

// `include/uapi/linux/netfilter/nf_tables.h` and `nf_tables_compat.h`.
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;
const NFTA_META_KEY: u16 = 2;
const NFTA_CMP_OP: u16 = 2;
const NFTA_CMP_DATA: u16 = 3;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_LOOKUP_SET: u16 = 1;
const NFTA_LOOKUP_DREG: u16 = 3;
const NFTA_MATCH_NAME: u16 = 1;
const NFTA_MATCH_INFO: u16 = 3;
const NFTA_TARGET_NAME: u16 = 1;

const NFT_META_IIFNAME: u32 = 6;
const NFT_META_OIFNAME: u32 = 7;
const NFT_CMP_EQ: u32 = 0;
/// The register of the verdict: a look-up into it is a verdict map.
const NFT_REG_VERDICT: u32 = 0;
const IFNAMSIZ: usize = 16;

/// Expressions that do something with a packet, and no more than read of it or count it.
const STATEMENTS: [&str; 13] = [
    "dup",
    "dynset",
    "flow_offload",
    "fwd",
    "log",
    "masq",
    "nat",
    "notrack",
    "queue",
    "redir",
    "reject",
    "synproxy",
    "tproxy",
];

/// An interface's name that was read and is not compared yet.
#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

/// Reads a list of expressions.
pub(super) fn rule(expressions: &Attributes<'_>) -> Result<Rule, NetlinkError> {
    let mut rule = Rule::default();
    let mut compared = None;
    for expression in expressions.each()? {
        let name = expression.text(NFTA_EXPR_NAME).unwrap_or_default();
        let data = expression.nested(NFTA_EXPR_DATA)?;
        let side = compared.take();
        match name.as_str() {
            "meta" => compared = side_of(data.be32(NFTA_META_KEY)?),
            "cmp" => interface(&mut rule, side, &data)?,
            "counter" => {
                rule.packets = data.array(NFTA_COUNTER_PACKETS)?.map(u64::from_be_bytes);
            }
            "immediate" => rule.target = verdict(&data)?.or(rule.target.take()),
            "lookup" => rule.target = map(&data)?.or(rule.target.take()),
            "match" if data.text(NFTA_MATCH_NAME).as_deref() == Some("comment") => {
                rule.comment = data.text(NFTA_MATCH_INFO);
            }
            "target" => rule.target = data.text(NFTA_TARGET_NAME).map(Target::Named),
            other if STATEMENTS.contains(&other) => {
                rule.target = rule.target.take().or(Some(Target::Named(name)));
            }
            _ => {}
        }
    }
    Ok(rule)
}

fn side_of(key: Option<u32>) -> Option<Side> {
    match key {
        Some(NFT_META_IIFNAME) => Some(Side::Input),
        Some(NFT_META_OIFNAME) => Some(Side::Output),
        _ => None,
    }
}

fn interface(
    rule: &mut Rule,
    side: Option<Side>,
    data: &Attributes<'_>,
) -> Result<(), NetlinkError> {
    let Some(side) = side else { return Ok(()) };
    let value = data.nested(NFTA_CMP_DATA)?.get(NFTA_DATA_VALUE);
    let Some(value) = value.filter(|_| matches!(data.be32(NFTA_CMP_OP), Ok(Some(NFT_CMP_EQ))))
    else {
        return Ok(());
    };
    // Without a zero at its end it is the beginning of a name.
    let is_whole = value.contains(&0) || value.len() >= IFNAMSIZ;
    let name = format!("{}{}", text(value), if is_whole { "" } else { "+" });
    match side {
        Side::Input => rule.input = Some(name),
        Side::Output => rule.output = Some(name),
    }
    Ok(())
}

/// The verdict of an immediate; `None`: it sets a register, or goes on.
fn verdict(data: &Attributes<'_>) -> Result<Option<Target>, NetlinkError> {
    let data = data.nested(NFTA_IMMEDIATE_DATA)?;
    let Some(verdict) = data.get(NFTA_DATA_VERDICT) else { return Ok(None) };
    let verdict = Attributes::parse(verdict)?;
    let chain = verdict.text(NFTA_VERDICT_CHAIN);
    Ok(match (verdict.be32(NFTA_VERDICT_CODE)?.map(u32::cast_signed), chain) {
        (Some(0), _) => Some(Target::Drop),
        (Some(1), _) => Some(Target::Accept),
        (Some(-3), Some(chain)) => Some(Target::Jump(chain)),
        (Some(-4), Some(chain)) => Some(Target::Goto(chain)),
        (Some(-5), _) => Some(Target::Return),
        _ => None,
    })
}

fn map(data: &Attributes<'_>) -> Result<Option<Target>, NetlinkError> {
    let is_verdict = data.be32(NFTA_LOOKUP_DREG)? == Some(NFT_REG_VERDICT);
    Ok(data.text(NFTA_LOOKUP_SET).filter(|_| is_verdict).map(Target::Map))
}
