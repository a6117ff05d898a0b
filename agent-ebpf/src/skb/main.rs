//! Packet programs without a map: one helper of Cilium's datapath each.
#![no_std]
#![no_main]

use agent_ebpf as _;

mod ecn;
