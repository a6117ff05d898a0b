//! `/proc/config.gz`, `/boot/config-…`: text, or packed with gzip.
#![no_main]

use bpfready::observe::config::kconfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parsed) = kconfig::parse("/proc/config.gz", bytes) {
        assert!(parsed.options.keys().all(|it| it.starts_with("CONFIG_")));
    }
});
