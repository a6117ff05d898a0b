//! The object of packet programs without a map.

use super::bench::{Bench, Output};
use crate::facts::bpf::Support;
use crate::observe::object::embedded;

static OBJECT: &[u8] = embedded!("skb");

/// Loads one program of the object and runs it on a packet.
pub(super) fn run(bench: Bench, name: &str, packet: &[u8]) -> Result<Output, Support> {
    let program = bench.load(&bench.object(OBJECT, &[])?, name)?;
    bench.run(&program, packet)
}
