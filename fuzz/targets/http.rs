//! Answers of agents on loopback and Unix sockets.
#![no_main]

use bpfready::observe::local::http::{self, Parsed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What is whole stays whole when the connection ends.
    if let whole @ Parsed::Whole(_) = http::parse(bytes, false) {
        assert_eq!(http::parse(bytes, true), whole);
    }
});
