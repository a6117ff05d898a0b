//! CNI configuration, and the TOML of container runtimes.
#![no_main]

use bpfready::observe::cni::{network, parse_toml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = network::parse("10-x.conflist", bytes);
    let _ = network::parse("10-x.conf", bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_toml(text);
    }
});
