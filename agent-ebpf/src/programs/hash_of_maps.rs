//! A look-up in a map inside a HASH_OF_MAPS, which holds Cilium's Maglev tables.
#![no_std]
#![no_main]

use agent_ebpf::selftest::OUTER_KEY;
use aya_ebpf::btf_maps::{Array, HashOfMaps};
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;

#[btf_map]
static OUTER: HashOfMaps<u32, Array<u32, 1>, 2> = HashOfMaps::new();

/// Returns what the inner map holds; 0: there is no such map or nothing in it.
#[classifier]
fn hash_of_maps(_ctx: TcContext) -> i32 {
    // SAFETY: nobody changes the map while the program runs.
    unsafe { OUTER.get_value(&OUTER_KEY, &0) }.map_or(0, |it| *it as i32)
}
