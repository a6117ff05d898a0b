//! What the kernel hands to an iterator program.

use core::ffi::c_void;

use aya_ebpf::bindings::seq_file;
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_seq_write};
use zerocopy::FromZeros;

/// `struct bpf_iter_meta` of `include/linux/bpf.h`: the same on every kernel that has iterators.
#[repr(C)]
pub struct IterMeta {
    seq: *mut seq_file,
    session_id: u64,
    seq_num: u64,
}

/// `struct bpf_iter__bpf_prog`, `bpf_iter__bpf_map` and `bpf_iter__bpf_link`, which have one shape.
#[repr(C)]
pub struct IterContext {
    meta: *const IterMeta,
    object: *const c_void,
}

impl IterContext {
    /// The object of this call; `None`: the walk is over.
    ///
    /// # Safety
    ///
    /// `context` is what the kernel gave to the program.
    #[inline(always)]
    pub unsafe fn object(context: *const Self) -> Option<*const c_void> {
        // SAFETY: as the caller promises.
        let object = unsafe { (*context).object };
        (!object.is_null()).then_some(object)
    }

    /// Writes one record for the reader; returns what the program is to return: 0, or 1 so that the
    /// kernel calls again with more room.
    ///
    /// # Safety
    ///
    /// `context` is what the kernel gave to the program.
    #[inline(always)]
    pub unsafe fn write<T>(context: *const Self, record: &T) -> i32 {
        let from = core::ptr::from_ref(record).cast_mut().cast();
        // SAFETY: as the caller promises; the record is as long as is said.
        let written = unsafe { bpf_seq_write((*(*context).meta).seq, from, size_of::<T>() as u32) };
        i32::from(written != 0)
    }
}

/// Reads a field of a kernel object; a fault leaves zeros.
#[inline(always)]
pub fn field<T: FromZeros>(object: *const c_void, offset: u32) -> T {
    let mut value = T::new_zeroed();
    let to = core::ptr::from_mut(&mut value).cast();
    // SAFETY: the value is as long as is said; the helper checks the address that it reads from.
    unsafe {
        bpf_probe_read_kernel(to, size_of::<T>() as u32, object.wrapping_byte_add(offset as usize));
    }
    value
}
