//! Packet programs without a map, for one helper of Cilium's datapath each.
#![no_std]
#![no_main]

use agent_ebpf as _;

mod adjust_room;
mod csum_level;
mod ecn;
mod fib_lookup;
mod redirect;
mod sk_assign;
