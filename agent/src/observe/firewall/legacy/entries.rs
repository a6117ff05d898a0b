//! The entries of one legacy table: `struct ipt_entry` and `struct ip6t_entry`, one behind the
//! other (`include/uapi/linux/netfilter_ipv4/ip_tables.h`, `…_ipv6/ip6_tables.h`, `x_tables.h`).

use std::collections::BTreeMap;

use super::super::chains::Gathered;
use super::{Info, Ip};
use crate::facts::firewall::{Base, Chain, Chains, Hook, Rule, Target};
use crate::facts::{Cause, Observed};
use crate::observe::netlink::text;

/// Header of a match or target: size, name of 29 bytes, revision.
const PART_HEADER_BYTES: usize = 32;
const PART_NAME: std::ops::Range<usize> = 2..31;
const IFNAMSIZ: usize = 16;

/// Where the fields of an entry are, in bytes.
struct Layout {
    interfaces: usize,
    flags: usize,
    goto: u8,
    target_offset: usize,
    packets: usize,
    size: usize,
}

const V4: Layout =
    Layout { interfaces: 16, flags: 82, goto: 2, target_offset: 88, packets: 96, size: 112 };
const V6: Layout =
    Layout { interfaces: 64, flags: 131, goto: 4, target_offset: 140, packets: 152, size: 168 };

/// `IPT_INV_VIA_IN` and `IPT_INV_VIA_OUT`: every interface but this; the byte stands behind the flags.
const INVERTED_INPUT: u8 = 1;
const INVERTED_OUTPUT: u8 = 2;

/// One entry.
struct Entry<'a> {
    at: usize,
    bytes: &'a [u8],
    target_offset: usize,
}

/// Reads the chains of a table from its entries; total on any bytes.
///
/// # Errors
///
/// What is not as the kernel writes it.
pub fn parse(ip: Ip, info: &Info, blob: &[u8]) -> Result<Chains, &'static str> {
    let layout = match ip {
        Ip::V4 => &V4,
        Ip::V6 => &V6,
    };
    let entries = entries(layout, blob)?;
    let heads = heads(info, &entries);
    let names: BTreeMap<usize, &str> =
        heads.iter().map(|it| (entries[it.first].at, it.name.as_str())).collect();
    let mut gathered = Gathered::default();
    for head in &heads {
        if gathered.holds(&head.name, head.base.is_some()) {
            let rules = entries.get(head.first..head.end).unwrap_or_default();
            gathered.push(chain(layout, head, rules, &names));
        }
    }
    Ok(gathered.into_chains())
}

fn entries<'a>(layout: &Layout, blob: &'a [u8]) -> Result<Vec<Entry<'a>>, &'static str> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < blob.len() {
        let rest = &blob[at..];
        let target_offset = usize::from(number16(rest, layout.target_offset)?);
        let next_offset = usize::from(number16(rest, layout.target_offset + 2)?);
        let is_whole =
            layout.size <= target_offset && target_offset + PART_HEADER_BYTES <= next_offset;
        let bytes = rest.get(..next_offset).filter(|_| is_whole);
        let bytes = bytes.ok_or("an entry that points outside itself")?;
        entries.push(Entry { at, bytes, target_offset });
        at += next_offset;
    }
    Ok(entries)
}

fn number16(bytes: &[u8], at: usize) -> Result<u16, &'static str> {
    let bytes = bytes.get(at..at + 2).and_then(|it| it.try_into().ok());
    bytes.map(u16::from_ne_bytes).ok_or("an entry that is cut short")
}

/// Where a chain begins and ends among the entries.
struct ChainHead {
    name: String,
    base: Option<Base>,
    first: usize,
    /// The entry of its policy, or of its return at the end.
    end: usize,
}

/// Built-in chains by their hooks, then the others by the heads that stand before them.
fn heads(info: &Info, entries: &[Entry<'_>]) -> Vec<ChainHead> {
    let index_of = |offset: u32| entries.iter().position(|it| it.at == offset as usize);
    let mut heads = Vec::new();
    for (number, (hook, name)) in HOOKS.into_iter().enumerate() {
        if info.valid_hooks & 1 << number == 0 {
            continue;
        }
        let (first, end) = (index_of(info.hook_entry[number]), index_of(info.underflow[number]));
        let (Some(first), Some(end)) = (first, end) else { continue };
        let accepts = matches!(verdict(&entries[end]), Some(VERDICT_ACCEPT));
        let base = Base { hook, priority: None, accepts, devices: Vec::new() };
        heads.push(ChainHead { name: name.into(), base: Some(base), first, end });
    }
    let marks: Vec<usize> =
        (0..entries.len()).filter(|it| target_name(&entries[*it]) == "ERROR").collect();
    for pair in marks.windows(2) {
        let (mark, next) = (pair[0], pair[1]);
        let name = text(entries[mark].target_data());
        // The last mark ends the table; a chain has at least its return.
        if next > mark + 1 {
            heads.push(ChainHead { name, base: None, first: mark + 1, end: next - 1 });
        }
    }
    heads
}

const HOOKS: [(Hook, &str); 5] = [
    (Hook::Prerouting, "PREROUTING"),
    (Hook::Input, "INPUT"),
    (Hook::Forward, "FORWARD"),
    (Hook::Output, "OUTPUT"),
    (Hook::Postrouting, "POSTROUTING"),
];

/// Verdicts of the standard target: negative, minus one (`NF_ACCEPT` is 1, so -2).
const VERDICT_DROP: i32 = -1;
const VERDICT_ACCEPT: i32 = -2;
const VERDICT_QUEUE: i32 = -4;
/// `XT_RETURN`.
const VERDICT_RETURN: i32 = -5;

impl<'a> Entry<'a> {
    fn target_data(&self) -> &'a [u8] {
        self.bytes.get(self.target_offset + PART_HEADER_BYTES..).unwrap_or_default()
    }
}

fn target_name(entry: &Entry<'_>) -> String {
    let target = entry.bytes.get(entry.target_offset..).unwrap_or_default();
    text(target.get(PART_NAME).unwrap_or_default())
}

/// What the standard target, whose name is empty, says.
fn verdict(entry: &Entry<'_>) -> Option<i32> {
    let data = entry.target_data().first_chunk().copied();
    data.filter(|_| target_name(entry).is_empty()).map(i32::from_ne_bytes)
}

fn chain(
    layout: &Layout,
    head: &ChainHead,
    entries: &[Entry<'_>],
    names: &BTreeMap<usize, &str>,
) -> Chain {
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let rules = if head.base.is_none() && count > Chain::FEW_RULES {
        Observed::unknown(Cause::TooLarge, format!("{count} rules, not held"))
    } else {
        let first = entries.iter().take(Chain::MOST_RULES);
        Observed::Known(first.map(|it| rule(layout, it, names)).collect())
    };
    Chain { name: head.name.clone(), base: head.base.clone(), uses: Some(count), rules }
}

fn rule(layout: &Layout, entry: &Entry<'_>, names: &BTreeMap<usize, &str>) -> Rule {
    let packets = entry.bytes.get(layout.packets..layout.packets + 8);
    let inverted = entry.bytes.get(layout.flags + 1).copied().unwrap_or(0);
    Rule {
        comment: comment(layout, entry),
        target: target(layout, entry, names),
        input: interface(entry, layout.interfaces).filter(|_| inverted & INVERTED_INPUT == 0),
        output: interface(entry, layout.interfaces + IFNAMSIZ)
            .filter(|_| inverted & INVERTED_OUTPUT == 0),
        packets: packets.and_then(|it| it.try_into().ok()).map(u64::from_ne_bytes),
    }
}

fn target(layout: &Layout, entry: &Entry<'_>, names: &BTreeMap<usize, &str>) -> Option<Target> {
    let name = target_name(entry);
    if !name.is_empty() {
        return Some(Target::Named(name));
    }
    match verdict(entry)? {
        VERDICT_DROP => Some(Target::Drop),
        VERDICT_ACCEPT => Some(Target::Accept),
        VERDICT_QUEUE => Some(Target::Named("QUEUE".into())),
        VERDICT_RETURN => Some(Target::Return),
        to => {
            // A jump to what follows is a rule without a target.
            let to = usize::try_from(to).ok().filter(|it| *it != entry.at + entry.bytes.len())?;
            let chain = (*names.get(&to)?).to_owned();
            let goes = entry.bytes.get(layout.flags).is_some_and(|it| it & layout.goto != 0);
            Some(if goes { Target::Goto(chain) } else { Target::Jump(chain) })
        }
    }
}

/// The name and its mask: a mask that ends with the name's last letter leaves the rest open.
fn interface(entry: &Entry<'_>, at: usize) -> Option<String> {
    let name = entry.bytes.get(at..at + IFNAMSIZ)?;
    let mask = entry.bytes.get(at + 2 * IFNAMSIZ..at + 3 * IFNAMSIZ)?;
    let name = text(name);
    let is_open = mask.iter().filter(|it| **it != 0).count() <= name.len();
    if name.is_empty() {
        return None;
    }
    // iptables(8) keeps the `+` that it was given behind the part that counts.
    Some(if is_open && !name.ends_with('+') { format!("{name}+") } else { name })
}

/// The text of a match named `comment`.
fn comment(layout: &Layout, entry: &Entry<'_>) -> Option<String> {
    let mut matches = entry.bytes.get(layout.size..entry.target_offset)?;
    while matches.len() >= PART_HEADER_BYTES {
        let size = usize::from(number16(matches, 0).ok()?);
        let (part, rest) = matches.split_at_checked(size).filter(|_| size >= PART_HEADER_BYTES)?;
        if text(&part[PART_NAME]) == "comment" {
            return Some(text(&part[PART_HEADER_BYTES..]));
        }
        matches = rest;
    }
    None
}
