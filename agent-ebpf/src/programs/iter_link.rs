//! Lists every link; see `iter_prog.rs`.
#![no_std]
#![no_main]

use core::ffi::c_void;

use agent_ebpf::iter::LinkRecord;
use agent_ebpf::iter_context::{IterContext, field};
use aya_ebpf::Global;

#[unsafe(no_mangle)]
static LINK_ID: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static LINK_TYPE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static LINK_PROG: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static PROG_AUX: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static AUX_ID: Global<u32> = Global::new(0);

/// Writes one [`LinkRecord`] for each link.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/bpf_link")]
fn iter_link(context: *const IterContext) -> i32 {
    // SAFETY: the context is the kernel's own; all fields are plain numbers.
    unsafe {
        let Some(link) = IterContext::object(context) else { return 0 };
        let program = field::<usize>(link, LINK_PROG.load()) as *const c_void;
        let aux = field::<usize>(program, PROG_AUX.load()) as *const c_void;
        let record = LinkRecord {
            id: field(link, LINK_ID.load()),
            link_type: field(link, LINK_TYPE.load()),
            program_id: field(aux, AUX_ID.load()),
        };
        IterContext::write(context, &record)
    }
}
