//! A look-up in an LPM_TRIE.

use aya::maps::lpm_trie::Key;
use aya::maps::{LpmTrie, MapData};

use super::Checked;
use super::bench::{Bench, wrong};
use super::packet::packet_to;
use crate::observe::object::embedded;

static OBJECT: &[u8] = embedded!("lpm_trie");

/// Prefixes inside each other, each with its length as its value.
const PREFIXES: [([u8; 4], u32); 3] =
    [([10, 0, 0, 0], 8), ([10, 1, 0, 0], 16), ([10, 1, 2, 0], 24)];
/// Destinations, and the longest prefix that each of them is in; 0: none.
const LOOKUPS: [([u8; 4], i32); 4] =
    [([10, 1, 2, 3], 24), ([10, 1, 9, 3], 16), ([10, 9, 2, 3], 8), ([11, 1, 2, 3], 0)];

/// The program finds the longest prefix that a packet's destination is in.
pub(super) fn check(bench: Bench) -> Checked {
    let object = bench.object(OBJECT, &[])?;
    let mut trie: LpmTrie<MapData, [u8; 4], u32> = bench.map(&object, "PREFIXES")?;
    for (prefix, length) in PREFIXES {
        trie.insert(&Key::new(length, prefix), length, 0)
            .map_err(|error| bench.undecided("fill the LPM_TRIE", &error))?;
    }
    let program = bench.load(&object, "lpm_trie")?;
    for (destination, wanted) in LOOKUPS {
        let found = bench.run(&program, &packet_to(destination))?.returned;
        if found != wanted {
            let detail = format!("{destination:?}: found prefix {found}, is in {wanted}");
            return Err(wrong(detail));
        }
    }
    Ok(())
}
