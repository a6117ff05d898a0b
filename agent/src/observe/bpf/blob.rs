//! Small pieces of BTF that probes hand to the kernel. Format: `docs.kernel.org/bpf/btf.html`.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::sys::{BtfLoad, Cmd, bpf_fd};

const KIND_INT: u32 = 1;
const KIND_STRUCT: u32 = 4;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const LINKAGE_STATIC: u32 = 0;
const LINKAGE_GLOBAL: u32 = 1;

/// Names in the string section: each begins at the offset that follows.
const STRINGS: &[u8] = b"\0int\0main\0callback\0a\0bpf_timer\0bpf_spin_lock\0";
const INT: u32 = 1;
const MAIN: u32 = 5;
const CALLBACK: u32 = 10;
const ARGUMENT: u32 = 19;
const TIMER: u32 = 21;
const SPIN_LOCK: u32 = 31;

/// Type id of the function `main` in [`functions`].
pub(crate) const MAIN_ID: u32 = 3;
/// Type id of the function `callback` in [`functions`].
pub(crate) const CALLBACK_ID: u32 = 4;

/// BTF with one type, number 1: a 32-bit integer.
pub(crate) fn integer() -> Vec<u8> {
    with_types(&[INT, KIND_INT << 24, 4, 32])
}

/// BTF of a program `main` and a static function `callback` (`BTF_KIND_FUNC`, Linux 5.0; static
/// linkage, 5.6).
pub(crate) fn functions() -> Vec<u8> {
    with_types(&[
        // 1: int
        INT,
        KIND_INT << 24,
        4,
        32,
        // 2: int (int a)
        0,
        KIND_FUNC_PROTO << 24 | 1,
        1,
        ARGUMENT,
        1,
        // 3: main
        MAIN,
        KIND_FUNC << 24 | LINKAGE_GLOBAL,
        2,
        // 4: callback
        CALLBACK,
        KIND_FUNC << 24 | LINKAGE_STATIC,
        2,
    ])
}

/// Type id of the value of a map in [`guarded`].
pub(crate) const GUARDED_ID: u32 = 4;
/// Bytes of that value.
pub(crate) const GUARDED_BYTES: u32 = 24;
/// Where in it the lock is; the timer comes first.
pub(crate) const LOCK_AT: i16 = 16;

/// BTF of a map's value with a timer and a spin lock, which the kernel finds by the names of their
/// types (`btf_find_field` of `kernel/bpf/btf.c`).
pub(crate) fn guarded() -> Vec<u8> {
    const LOCK_AT_BIT: u32 = LOCK_AT.unsigned_abs() as u32 * 8;
    with_types(&[
        // 1: int
        INT,
        KIND_INT << 24,
        4,
        32,
        // 2: struct bpf_timer, 16 bytes
        TIMER,
        KIND_STRUCT << 24,
        16,
        // 3: struct bpf_spin_lock, 4 bytes
        SPIN_LOCK,
        KIND_STRUCT << 24,
        4,
        // 4: struct { struct bpf_timer a; struct bpf_spin_lock main; }
        0,
        KIND_STRUCT << 24 | 2,
        GUARDED_BYTES,
        ARGUMENT,
        2,
        0,
        MAIN,
        3,
        LOCK_AT_BIT,
    ])
}

/// Loads BTF.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn load(blob: &[u8]) -> Result<OwnedFd, Errno> {
    let mut attr = BtfLoad {
        btf: blob.as_ptr() as u64,
        btf_size: u32::try_from(blob.len()).unwrap_or(u32::MAX),
        ..BtfLoad::default()
    };
    bpf_fd(Cmd::BtfLoad, &mut attr)
}

fn with_types(types: &[u32]) -> Vec<u8> {
    const MAGIC_AND_VERSION: u32 = u32::from_ne_bytes(if cfg!(target_endian = "little") {
        [0x9f, 0xeb, 1, 0]
    } else {
        [0xeb, 0x9f, 1, 0]
    });
    const HEADER: u32 = 24;
    let type_bytes = u32::try_from(size_of_val(types)).unwrap_or(0);
    let string_bytes = u32::try_from(STRINGS.len()).unwrap_or(0);
    let header = [MAGIC_AND_VERSION, HEADER, 0, type_bytes, type_bytes, string_bytes];
    let words = header.iter().chain(types).flat_map(|it| it.to_ne_bytes());
    words.chain(STRINGS.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_all() {
        load(&integer()).expect("an integer");
        load(&functions()).expect("functions");
        load(&guarded()).expect("a value with a timer and a lock");
    }
}
