//! A look-up in a map inside a HASH_OF_MAPS.

use agent_ebpf::selftest::OUTER_KEY;
use aya::maps::{Array, HashOfMaps, MapData};

use super::Checked;
use super::bench::{Bench, wrong};
use super::packet::packet;
use crate::observe::object::embedded;

static OBJECT: &[u8] = embedded!("hash_of_maps");

const VALUE: u32 = 0x5ca1e;

/// The program finds nothing before the inner map is put in, and the inner map's value after.
pub(super) fn check(bench: Bench) -> Checked {
    let object = bench.object(OBJECT, &[])?;
    let mut outer: HashOfMaps<MapData, u32, Array<MapData, u32>> = bench.map(&object, "OUTER")?;
    let mut inner: Array<MapData, u32> =
        Array::create(1, 0).map_err(|error| bench.undecided("create the inner map", &error))?;
    inner.set(0, VALUE, 0).map_err(|error| bench.undecided("fill the inner map", &error))?;
    let program = bench.load(&object, "hash_of_maps")?;
    let empty = bench.run(&program, &packet())?.returned;
    outer
        .insert(OUTER_KEY, &inner, 0)
        .map_err(|error| bench.undecided("fill the HASH_OF_MAPS", &error))?;
    let filled = bench.run(&program, &packet())?.returned;
    if (empty, filled) != (0, VALUE.cast_signed()) {
        return Err(wrong(format!("the look-up gave {empty:#x}, then {filled:#x}")));
    }
    Ok(())
}
