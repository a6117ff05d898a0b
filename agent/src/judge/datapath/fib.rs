//! Where the kernel would send a packet of the host, by its rules and routes.

use core::net::IpAddr;
use std::collections::HashMap;

use crate::facts::links::NetworkFacts;
use crate::facts::prefix::Prefix;
use crate::facts::routes::{Route, RouteKind, Rule, RuleAction};

/// The table `main`.
pub(super) const MAIN: u32 = 254;

/// Routes by table, those to single addresses apart: there is one a pod.
pub(super) struct Fib<'a> {
    hosts: HashMap<(u32, IpAddr), &'a Route>,
    /// Wider routes by table, longest prefix first, then least metric.
    nets: HashMap<u32, Vec<&'a Route>>,
    rules: Vec<&'a Rule>,
    /// Whether the rules are known; if not, the table `main` is looked into.
    rules_known: bool,
}

/// A route that answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit<'a> {
    pub(super) route: &'a Route,
}

impl<'a> Fib<'a> {
    pub(super) fn of(network: &'a NetworkFacts) -> Self {
        let routes = network.routes.known().map(|it| it.list.as_slice()).unwrap_or_default();
        let mut fib = Self {
            hosts: HashMap::new(),
            nets: HashMap::new(),
            rules: network.rules.known().into_iter().flatten().collect(),
            rules_known: network.rules.known().is_some(),
        };
        fib.rules.sort_by_key(|it| it.priority);
        for route in routes.iter().filter(|it| it.from.is_none()) {
            if route.destination.is_host() {
                fib.hosts.entry((route.table, route.destination.address)).or_insert(route);
            } else {
                fib.nets.entry(route.table).or_default().push(route);
            }
        }
        let order = |it: &&Route| (u8::MAX - it.destination.length, it.metric.unwrap_or(0));
        fib.nets.values_mut().for_each(|it| it.sort_by_key(order));
        fib
    }

    /// The route of a packet that the host itself sends, without mark or source.
    pub(super) fn look_up(&self, address: IpAddr) -> Option<Hit<'a>> {
        if !self.rules_known {
            return Some(Hit { route: self.in_table(MAIN, address)? });
        }
        let rules = self.rules.iter().filter(|it| concerns(it, address));
        for rule in rules {
            let RuleAction::Table(table) = rule.action else { continue };
            match self.in_table(table, address) {
                Some(route) if route.kind == RouteKind::Throw => {}
                Some(route) => return Some(Hit { route }),
                None => {}
            }
        }
        None
    }

    /// A route to this very address in a table that only packets from some link come into: how AWS
    /// leads to a pod on a branch ENI in strict mode.
    pub(super) fn by_input(&self, address: IpAddr) -> Option<Hit<'a>> {
        self.rules.iter().filter(|it| it.input.is_some()).find_map(|rule| {
            let RuleAction::Table(table) = rule.action else { return None };
            let route = self.hosts.get(&(table, address))?;
            (table != MAIN).then_some(Hit { route })
        })
    }

    /// The rules, by priority.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().copied()
    }

    /// Routes to single addresses.
    pub(super) fn host_routes(&self) -> impl Iterator<Item = &'a Route> {
        self.hosts.values().copied()
    }

    fn in_table(&self, table: u32, address: IpAddr) -> Option<&'a Route> {
        if let Some(route) = self.hosts.get(&(table, address)) {
            return Some(route);
        }
        let nets = self.nets.get(&table)?;
        nets.iter().find(|it| it.destination.contains(address)).copied()
    }
}

/// Whether the route is for everything that has no better one.
pub(super) fn is_default(route: &Route) -> bool {
    route.destination.length == 0
}

/// Whether a rule speaks about packets of the host to this address.
fn concerns(rule: &Rule, address: IpAddr) -> bool {
    let marked = rule.mark.is_some_and(|it| it.value & it.mask != 0);
    let asks_more = rule.from.is_some_and(|it| it.length > 0)
        || rule.input.is_some()
        || rule.output.is_some()
        || rule.invert
        || marked;
    let there = |it: Prefix| it.contains(address);
    rule.ipv6 == address.is_ipv6() && !asks_more && rule.to.is_none_or(there)
}
