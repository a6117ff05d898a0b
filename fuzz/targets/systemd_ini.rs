//! systemd's configuration files.
#![no_main]

use bpfready::observe::networkd::ini;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ini::parse(text);
});
