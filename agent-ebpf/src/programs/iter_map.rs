//! Lists every map; see `iter_prog.rs`.
#![no_std]
#![no_main]

use agent_ebpf::iter::MapRecord;
use agent_ebpf::iter_context::{IterContext, field};
use aya_ebpf::Global;

#[unsafe(no_mangle)]
static MAP_ID: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MAP_TYPE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MAP_KEY_SIZE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MAP_VALUE_SIZE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MAP_MAX_ENTRIES: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MAP_NAME: Global<u32> = Global::new(0);

/// Writes one [`MapRecord`] for each map.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/bpf_map")]
fn iter_map(context: *const IterContext) -> i32 {
    // SAFETY: the context is the kernel's own; all fields are plain numbers and bytes.
    unsafe {
        let Some(map) = IterContext::object(context) else { return 0 };
        let record = MapRecord {
            id: field(map, MAP_ID.load()),
            map_type: field(map, MAP_TYPE.load()),
            key_bytes: field(map, MAP_KEY_SIZE.load()),
            value_bytes: field(map, MAP_VALUE_SIZE.load()),
            max_entries: field(map, MAP_MAX_ENTRIES.load()),
            padding: 0,
            name: field(map, MAP_NAME.load()),
        };
        IterContext::write(context, &record)
    }
}
