//! `/proc/modules`, and `modules.dep` and `modules.builtin` of kmod.
#![no_main]

use bpfready::observe::config::modules::{parse_builtin, parse_dep, parse_loaded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_loaded(text);
    let _ = parse_dep("/lib/modules/6.12.0/modules.dep", text);
    let _ = parse_builtin("/lib/modules/6.12.0/modules.builtin", text);
});
