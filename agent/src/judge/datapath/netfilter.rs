//! Chains, tables and sets of netfilter, by either way they can be made.

use crate::facts::firewall::{Chain, Chains, Family, FirewallFacts, Rule, Table, Target};
use crate::facts::{Facts, Observed};

/// One chain and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) table: &'a str,
    pub(super) ipv6: bool,
    pub(super) legacy: bool,
    pub(super) chain: &'a Chain,
}

impl Found<'_> {
    /// Such as `nat KUBE-SERVICES (legacy)`.
    pub(super) fn words(&self) -> String {
        let way = if self.legacy { " (legacy iptables)" } else { "" };
        let family = if self.ipv6 { "ip6 " } else { "" };
        format!("{family}{} {}{way}", self.table, self.chain.name)
    }
}

/// The chains of one table.
struct Holder<'a> {
    table: &'a str,
    ipv6: bool,
    legacy: bool,
    chains: &'a Chains,
}

fn holders(firewall: &FirewallFacts) -> Vec<Holder<'_>> {
    let mut holders = Vec::new();
    for it in firewall.nftables.known().into_iter().flatten() {
        let ipv6 = it.family == Family::Ip6;
        holders.push(Holder { table: &it.name, ipv6, legacy: false, chains: &it.chains });
    }
    for (ipv6, tables) in [(false, &firewall.iptables), (true, &firewall.ip6tables)] {
        for it in tables.known().into_iter().flatten() {
            if let Observed::Known(chains) = &it.chains {
                holders.push(Holder { table: &it.name, ipv6, legacy: true, chains });
            }
        }
    }
    holders
}

/// Every chain whose name begins with one of these.
pub(super) fn chains<'a>(facts: &'a Facts, starts: &[&str]) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for holder in holders(&facts.firewall) {
        let Holder { table, ipv6, legacy, chains } = holder;
        let wanted = |it: &&Chain| starts.iter().any(|start| it.name.starts_with(start));
        let chains = chains.list.iter().filter(wanted);
        found.extend(chains.map(|chain| Found { table, ipv6, legacy, chain }));
    }
    found
}

/// How many chains begin with this, those that were not listed included.
pub(super) fn count(facts: &Facts, start: &str) -> usize {
    holders(&facts.firewall).iter().map(|it| it.chains.beginning_with(start)).sum()
}

/// Whether a base chain of this hook's name, such as `PREROUTING`, jumps to a chain.
pub(super) fn jumps(facts: &Facts, from: &str, to: &str) -> bool {
    let found = chains(facts, &[from]);
    found.iter().filter(|it| it.chain.name == from).any(|it| leads(it.chain, to))
}

fn leads(chain: &Chain, to: &str) -> bool {
    let rules = chain.rules.known().into_iter().flatten();
    let mut targets = rules.filter_map(|it| it.target.as_ref());
    targets.any(|it| matches!(it, Target::Jump(name) | Target::Goto(name) if name == to))
}

/// Rules with such a comment, with their chains.
pub(super) fn rules<'a>(
    facts: &'a Facts,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(Found<'a>, &'a Rule)> {
    let all = chains(facts, &[""]);
    let rules = all.into_iter().flat_map(|found| {
        let rules = found.chain.rules.known().into_iter().flatten();
        rules.map(move |it| (found, it))
    });
    rules.filter(|(_, rule)| rule.comment.as_deref().is_some_and(&wanted)).collect()
}

/// A table of nftables.
pub(super) fn table<'a>(facts: &'a Facts, families: &[Family], name: &str) -> Option<&'a Table> {
    let mut tables = facts.firewall.nftables.known().into_iter().flatten();
    tables.find(|it| families.contains(&it.family) && it.name == name)
}

/// Tables of nftables whose name begins with this.
pub(super) fn tables<'a>(facts: &'a Facts, start: &str) -> Vec<&'a Table> {
    let tables = facts.firewall.nftables.known().into_iter().flatten();
    tables.filter(|it| it.name.starts_with(start)).collect()
}

/// Sets of ipset(8) whose name begins with one of these.
pub(super) fn ipsets<'a>(facts: &'a Facts, starts: &[&str]) -> Vec<&'a str> {
    let sets = facts.firewall.ipsets.known().into_iter().flatten().map(|it| it.name.as_str());
    sets.filter(|it| starts.iter().any(|start| it.starts_with(start))).collect()
}

/// Whether every chain could be read: of nftables, and of every legacy table there is.
pub(super) fn all_known(facts: &Facts) -> bool {
    let firewall = &facts.firewall;
    firewall.nftables.known().is_some() && legacy_known(facts)
}

/// Whether the legacy tables of both families could be read.
fn legacy_known(facts: &Facts) -> bool {
    let families = [&facts.firewall.iptables, &facts.firewall.ip6tables];
    families.into_iter().all(|it| {
        it.known().is_some_and(|it| it.iter().all(|table| table.chains.known().is_some()))
    })
}

/// A few names and how many more there are: `a, b, c and 4 more`.
pub(super) fn few(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}
