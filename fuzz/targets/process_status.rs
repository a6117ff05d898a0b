//! `/proc/self/status`: capabilities and seccomp.
#![no_main]

use bpfready::observe::privilege::status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = status::parse(text);
});
