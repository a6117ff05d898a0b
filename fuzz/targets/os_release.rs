//! `/etc/os-release`.
#![no_main]

use bpfready::observe::kernel::os_release;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = os_release::parse("/etc/os-release", text);
});
