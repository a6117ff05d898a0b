//! Lists every loaded program: CAP_BPF and CAP_PERFMON suffice, unlike for asking by id.
//!
//! Rust has no CO-RE relocations: the agent sets the offsets from the kernel's BTF before the load.
#![no_std]
#![no_main]

use core::ffi::c_void;

use agent_ebpf::iter::ProgramRecord;
use agent_ebpf::iter_context::{IterContext, field};
use aya_ebpf::Global;

#[unsafe(no_mangle)]
static PROG_TYPE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static PROG_EXPECTED_ATTACH_TYPE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static PROG_TAG: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static PROG_AUX: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static AUX_ID: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static AUX_NAME: Global<u32> = Global::new(0);

/// Writes one [`ProgramRecord`] for each program.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/bpf_prog")]
fn iter_prog(context: *const IterContext) -> i32 {
    // SAFETY: the context is the kernel's own; all fields are plain numbers and bytes.
    unsafe {
        let Some(program) = IterContext::object(context) else { return 0 };
        let aux: *const c_void = field::<usize>(program, PROG_AUX.load()) as *const c_void;
        let record = ProgramRecord {
            id: field(aux, AUX_ID.load()),
            program_type: field(program, PROG_TYPE.load()),
            expected_attach_type: field(program, PROG_EXPECTED_ATTACH_TYPE.load()),
            padding: 0,
            tag: field(program, PROG_TAG.load()),
            name: field(aux, AUX_NAME.load()),
        };
        IterContext::write(context, &record)
    }
}
