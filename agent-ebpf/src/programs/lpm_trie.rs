//! A look-up in an LPM_TRIE, by which Cilium finds the identity behind an address.
#![no_std]
#![no_main]

use agent_ebpf::selftest::DESTINATION;
use aya_ebpf::btf_maps::LpmTrie;
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;

#[btf_map]
static PREFIXES: LpmTrie<[u8; 4], u32, 8> = LpmTrie::new();

/// Returns what the longest prefix of the packet's destination holds; 0: no prefix.
#[classifier]
fn lpm_trie(ctx: TcContext) -> i32 {
    let Ok(destination) = ctx.load::<[u8; 4]>(DESTINATION) else { return i32::MIN };
    PREFIXES.get(&Key::new(32, destination)).map_or(0, |it| *it as i32)
}
