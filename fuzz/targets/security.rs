//! `/sys/kernel/security/lsm` and `lockdown`.
#![no_main]

use bpfready::observe::security::{lockdown, lsm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = lockdown::parse(text);
    let _ = lsm::parse(text);
});
