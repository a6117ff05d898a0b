//! A tail call through a PROG_ARRAY.

use std::os::fd::{AsRawFd, OwnedFd};

use agent_ebpf::selftest::{FELL_THROUGH, TAIL_CALLED};

use super::Checked;
use super::bench::{Bench, wrong};
use super::packet::packet;
use super::refusal::refused;
use crate::facts::bpf::Support;
use crate::observe::object::{Object, embedded};

static OBJECT: &[u8] = embedded!("tail_call");

/// Without a program in the array the call falls through; with one it arrives there.
pub(super) fn check(bench: Bench) -> Checked {
    let object = bench.object(OBJECT, &[])?;
    let caller = bench.load(&object, "tail_call")?;
    let target = bench.load(&object, "tail_called")?;
    let empty = bench.run(&caller, &packet())?.returned;
    fill(bench, &object, &target)?;
    let filled = bench.run(&caller, &packet())?.returned;
    if (empty, filled) != (FELL_THROUGH, TAIL_CALLED) {
        return Err(wrong(format!("the tail call returned {empty:#x}, then {filled:#x}")));
    }
    Ok(())
}

/// The value is a descriptor; aya's type for this map takes only programs that aya loaded.
fn fill(bench: Bench, object: &Object, target: &OwnedFd) -> Result<(), Support> {
    let (key, value) = (0_u32.to_ne_bytes(), target.as_raw_fd().to_ne_bytes());
    object.set("CALLS", &key, &value).map_err(|error| refused(bench.rights, &error))
}
