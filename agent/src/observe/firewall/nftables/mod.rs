//! Tables, chains and rules of nftables, by nfnetlink. Needs CAP_NET_ADMIN, to read as well.

mod expression;
pub mod message;

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::super::netlink::{Connection, NetlinkError, attribute, body};
use super::chains::Gathered;
use super::ipset::{HEADER_BYTES, none_without_subsystem};
use crate::facts::firewall::{Chain, Rule, Table};
use crate::facts::{Cause, Observed};
use message::{Head, Named};

// `include/uapi/linux/netfilter/nfnetlink.h` and `nf_tables.h`.
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFT_MSG_GETTABLE: u16 = 1;
const NFT_MSG_GETCHAIN: u16 = 4;
const NFT_MSG_GETRULE: u16 = 7;
const NFT_MSG_GETSET: u16 = 10;
const NFT_MSG_GETFLOWTABLE: u16 = 23;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;

/// How often the whole ruleset is read anew because a table or chain went away in between.
const TRIES: u32 = 3;

/// All tables of the calling thread's network namespace.
pub(super) fn tables() -> Result<Vec<Table>, NetlinkError> {
    let mut last = NetlinkError::Interrupted(TRIES);
    for _ in 0..TRIES {
        match read() {
            Err(error) if is_change(&error) => last = error,
            other => return none_without_subsystem(other),
        }
    }
    Err(last)
}

/// A table or chain that was listed is not there any more.
fn is_change(error: &NetlinkError) -> bool {
    error.refusal() == Some(rustix::io::Errno::NOENT)
}

fn read() -> Result<Vec<Table>, NetlinkError> {
    let mut netfilter = Connection::open(NETLINK_NETFILTER)?;
    let tables = list(&mut netfilter, NFT_MSG_GETTABLE, message::table)?;
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let mut gathered: Vec<(Named, Gathered)> =
        tables.into_iter().map(|it| (it, Gathered::default())).collect();
    let chains = list(&mut netfilter, NFT_MSG_GETCHAIN, |answer| {
        let head = message::chain(answer)?;
        let table = gathered.iter_mut().find(|(it, _)| it.is_table_of(&head));
        let holds =
            table.is_some_and(|(_, it)| it.holds(&head.chain.name, head.chain.base.is_some()));
        Ok(holds.then_some(head))
    })?;
    for head in chains {
        let rules = rules(&mut netfilter, &head)?;
        let table = gathered.iter_mut().find(|(it, _)| it.is_table_of(&head));
        if let Some((_, table)) = table {
            table.push(Chain { rules, ..head.chain });
        }
    }
    let sets = list(&mut netfilter, NFT_MSG_GETSET, message::set)?;
    let flowtables = list(&mut netfilter, NFT_MSG_GETFLOWTABLE, message::flowtable)?;
    let table = |(named, chains): (Named, Gathered)| Table {
        sets: inside(&sets, &named).take(Table::MOST_SETS).collect(),
        flowtables: inside(&flowtables, &named).collect(),
        chains: chains.into_chains(),
        family: named.family,
        name: named.name,
    };
    let mut tables: Vec<Table> = gathered.into_iter().map(table).collect();
    tables.sort_by(|left, right| (left.family, &left.name).cmp(&(right.family, &right.name)));
    Ok(tables)
}

fn list<T>(
    netfilter: &mut Connection,
    message: u16,
    parse: impl FnMut(&[u8]) -> Result<Option<T>, NetlinkError>,
) -> Result<Vec<T>, NetlinkError> {
    netfilter.dump_each(NFNL_SUBSYS_NFTABLES << 8 | message, &[0; HEADER_BYTES], parse)
}

/// Names of what lies in a table.
fn inside<'a>(list: &'a [(Named, String)], table: &'a Named) -> impl Iterator<Item = String> + 'a {
    list.iter().filter(move |(it, _)| it == table).map(|(_, name)| name.clone())
}

/// The first rules of a base chain, or all of a chain that has few.
fn rules(netfilter: &mut Connection, head: &Head) -> Result<Observed<Vec<Rule>>, NetlinkError> {
    let Head { table, chain } = head;
    match chain.uses {
        Some(0) => return Ok(Observed::Known(Vec::new())),
        Some(uses) if chain.base.is_none() && uses > Chain::FEW_RULES => {
            return Ok(Observed::unknown(Cause::TooLarge, format!("{uses} rules, not asked for")));
        }
        _ => {}
    }
    let name = |text: &str| [text.as_bytes(), &[0]].concat();
    let attributes = [
        attribute(NFTA_RULE_TABLE, &name(&table.name)),
        attribute(NFTA_RULE_CHAIN, &name(&chain.name)),
    ];
    let header = [message::family_number(table.family), 0, 0, 0];
    let mut room = Chain::MOST_RULES;
    let rules = netfilter.dump_each(
        NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
        &body(&header, &attributes),
        |answer| {
            // An interrupted dump begins anew with less room: a shorter list, never a wrong one.
            room = room.saturating_sub(1);
            if room == 0 { Ok(None) } else { message::rule(answer, chain) }
        },
    )?;
    Ok(Observed::Known(rules))
}

impl Named {
    fn is_table_of(&self, head: &Head) -> bool {
        *self == head.table
    }
}
