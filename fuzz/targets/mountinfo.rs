//! `/proc/self/mountinfo`.
#![no_main]

use bpfready::observe::mounts::mountinfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = mountinfo::parse("/proc/1/mountinfo", bytes);
});
