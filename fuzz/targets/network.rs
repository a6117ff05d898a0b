//! Answers of rtnetlink: interfaces, addresses, neighbours, routes, rules, qdiscs, filters.
#![no_main]

use bpfready::facts::hooks::Direction;
use bpfready::observe::hooks::filters;
use bpfready::observe::links::{address, link, neighbor, qdisc, route, rule};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| {
    let _ = link::parse(answer);
    let _ = address::parse(answer);
    let _ = neighbor::parse(answer);
    let _ = neighbor::parse_tunnel_peer(answer);
    let _ = route::parse(answer);
    let _ = rule::parse(answer);
    let _ = qdisc::parse(answer);
    let _ = filters::parse((1, Direction::Ingress), answer);
});
