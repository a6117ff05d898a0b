//! Calls of the helpers that work on a timer or a lock in a map's value, as [`super::usual`] strings
//! them together.

use super::blob::LOCK_AT;
use super::gadget::{Argument, Gadget, KEY, LOOKUP};
use super::names::program_type;

use Argument::{Callback, Kept, Map, Number};

/// Types that may load no program that names such a map, whatever it does with it
/// (`check_map_prog_compatibility` of `kernel/bpf/verifier.c`). They are asked one by one.
pub(super) const NOT_FOR: [u32; 6] = [
    program_type("socket_filter"),
    program_type("kprobe"),
    program_type("tracepoint"),
    program_type("perf_event"),
    program_type("raw_tracepoint"),
    program_type("raw_tracepoint_writable"),
];

/// Calls on the value of the map of [`super::map::guarded`], in groups by the kernel that has them:
/// spin_lock and spin_unlock (5.1); timer_init, timer_set_callback, timer_start and timer_cancel
/// (5.15). Numbers of `enum bpf_func_id`, `include/uapi/linux/bpf.h`.
pub(super) fn gadgets(map: i32) -> [Vec<Gadget>; 2] {
    let (zero, lock, timer) = (Number(0), Kept(LOCK_AT), Kept(0));
    let value = |calls: Gadget| Gadget::of(LOOKUP, &[Map(map), KEY]).keep().if_given(calls);
    let locks = Gadget::of(93, &[lock]).call(94, &[lock]);
    let timers = Gadget::of(169, &[timer, Map(map), zero])
        .call(170, &[timer, Callback])
        .call(171, &[timer, zero, zero])
        .call(172, &[timer]);
    [vec![value(locks)], vec![value(timers)]]
}
