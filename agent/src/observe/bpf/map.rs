//! Map types and flags: a map of the smallest legal size is created and thrown away.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::answer::{ENOTSUPP, Rights};
use super::blob;
use super::names::{MAP_TYPES, map_type};
use super::sys::{Cmd, MapCreate, MapElem, bpf, bpf_fd};
use crate::facts::bpf::Support;

const NO_PREALLOC: u32 = 1 << 0;
const NO_COMMON_LRU: u32 = 1 << 1;
const NUMA_NODE: u32 = 1 << 2;
const RDONLY: u32 = 1 << 3;
const STACK_BUILD_ID: u32 = 1 << 5;
const ZERO_SEED: u32 = 1 << 6;
const RDONLY_PROG: u32 = 1 << 7;
const MMAPABLE: u32 = 1 << 10;
const PRESERVE_ELEMS: u32 = 1 << 11;
const INNER_MAP: u32 = 1 << 12;
const SEGV_ON_FAULT: u32 = 1 << 17;
const NO_USER_CONV: u32 = 1 << 18;
const RB_OVERWRITE: u32 = 1 << 19;

/// Flags worth knowing, by the map type they are asked on.
const FLAGS: [(&str, &str, u32); 14] = [
    ("hash", "no_prealloc", NO_PREALLOC),
    ("hash", "zero_seed", ZERO_SEED),
    ("hash", "numa_node", NUMA_NODE),
    ("hash", "rdonly", RDONLY),
    ("lru_hash", "no_common_lru", NO_COMMON_LRU),
    ("lpm_trie", "no_prealloc", NO_PREALLOC),
    ("array", "mmapable", MMAPABLE),
    ("array", "rdonly_prog", RDONLY_PROG),
    ("array", "inner_map", INNER_MAP),
    ("stack_trace", "stack_build_id", STACK_BUILD_ID),
    ("perf_event_array", "preserve_elems", PRESERVE_ELEMS),
    ("arena", "segv_on_fault", SEGV_ON_FAULT),
    ("arena", "no_user_conv", NO_USER_CONV),
    ("ringbuf", "rb_overwrite", RB_OVERWRITE),
];

/// What some map types need to exist first.
pub(crate) struct Needs {
    /// A map for maps of maps.
    inner: Result<OwnedFd, Errno>,
    /// BTF of a 4-byte integer, for local storage.
    btf: Result<OwnedFd, Errno>,
}

impl Needs {
    /// Creates them; one that fails costs only the types that need it.
    pub(crate) fn new() -> Self {
        Self { inner: create(&mut sized("array")), btf: blob::load(&blob::integer()) }
    }
}

/// Asks for one map type.
pub(crate) fn ask(name: &'static str, needs: &Needs, rights: Rights) -> Support {
    settle(name, with_needs(name, needs), rights)
}

/// Asks for every flag of [`FLAGS`], by `type+flag`.
pub(crate) fn flags(needs: &Needs, rights: Rights) -> BTreeMap<String, Support> {
    let ask = |(name, flag, bit): (&'static str, &str, u32)| {
        let result = attributes(name, needs).and_then(|mut it| {
            it.map_flags |= bit;
            if bit == STACK_BUILD_ID {
                // Entries become `struct bpf_stack_build_id`.
                it.value_size = 32;
            }
            create(&mut it)
        });
        (format!("{name}+{flag}"), settle(name, result, rights))
    };
    FLAGS.into_iter().map(ask).collect()
}

/// All map types by name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MAP_TYPES.into_iter()
}

/// A plain array map, for the probes that need one.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn array() -> Result<OwnedFd, Errno> {
    create(&mut sized("array"))
}

/// A plain map of any type that needs nothing else.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn plain(name: &str) -> Result<OwnedFd, Errno> {
    create(&mut sized(name))
}

/// A map of any type, with what it needs.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn with_needs(name: &str, needs: &Needs) -> Result<OwnedFd, Errno> {
    attributes(name, needs).and_then(|mut it| create(&mut it))
}

/// An array of one empty string that neither programs nor processes can change.
///
/// # Errors
///
/// The kernel's errno; frozen maps came with Linux 5.2.
pub(crate) fn constant() -> Result<OwnedFd, Errno> {
    let map = create(&mut MapCreate { map_flags: RDONLY_PROG, ..sized("array") })?;
    bpf(Cmd::MapFreeze, &mut MapElem { map_fd: map.as_raw_fd(), ..MapElem::default() })?;
    Ok(map)
}

/// An array whose value is the type of [`blob::guarded`].
///
/// # Errors
///
/// The kernel's errno; maps with BTF came with Linux 4.18.
pub(crate) fn guarded() -> Result<OwnedFd, Errno> {
    let btf = blob::load(&blob::guarded());
    create(&mut MapCreate {
        value_size: blob::GUARDED_BYTES,
        btf_fd: raw(&btf)?,
        btf_key_type_id: 1,
        btf_value_type_id: blob::GUARDED_ID,
        ..sized("array")
    })
}

/// A `cpumap` or `devmap` whose values carry a program, as large as `value_size` bytes.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn with_value(name: &str, value_size: u32) -> Result<OwnedFd, Errno> {
    create(&mut MapCreate { value_size, ..sized(name) })
}

/// Before Linux 5.11 `dev_map_init_map` of `kernel/bpf/devmap.c` turns the refusal to lock more
/// memory into EINVAL. Where there is such a limit, that EINVAL proves nothing: it becomes ENOMEM.
fn create(attr: &mut MapCreate) -> Result<OwnedFd, Errno> {
    let hides_the_limit = [map_type("devmap"), map_type("devmap_hash")].contains(&attr.map_type);
    bpf_fd(Cmd::MapCreate, attr).map_err(|errno| match errno {
        Errno::INVAL if hides_the_limit && memory_is_limited() => Errno::NOMEM,
        errno => errno,
    })
}

fn settle(name: &str, result: Result<OwnedFd, Errno>, rights: Rights) -> Support {
    // A struct_ops map names a struct of the kernel; ours is none, and only a kernel that has the
    // type says so (`bpf_struct_ops_map_alloc`, 5.6).
    let yes: &[Errno] = if name == "struct_ops" { &[ENOTSUPP] } else { &[] };
    rights.settle("create", result, yes, &[Errno::INVAL, Errno::TOOBIG])
}

fn memory_is_limited() -> bool {
    getrlimit(Resource::Memlock).current.is_some()
}

/// The smallest legal sizes of a type that needs no other object.
fn sized(name: &str) -> MapCreate {
    let (key_size, value_size, max_entries, map_flags) = match name {
        "stack_trace" => (4, 8, 1, 0),
        "lpm_trie" => (8, 8, 1, NO_PREALLOC),
        "cgroup_storage" | "percpu_cgroup_storage" => (16, 8, 0, 0),
        "queue" | "stack" | "bloom_filter" => (0, 4, 1, 0),
        "ringbuf" | "user_ringbuf" => (0, 0, page_size(), 0),
        "sk_storage" | "inode_storage" | "task_storage" | "cgrp_storage" => (4, 4, 0, NO_PREALLOC),
        "rhash" => (4, 4, 1, NO_PREALLOC),
        "arena" => (0, 0, 1, MMAPABLE),
        "insn_array" => (4, 16, 1, 0),
        _ => (4, 4, 1, 0),
    };
    let map_type = map_type(name);
    MapCreate { map_type, key_size, value_size, max_entries, map_flags, ..MapCreate::default() }
}

fn attributes(name: &str, needs: &Needs) -> Result<MapCreate, Errno> {
    let mut attr = sized(name);
    match name {
        "array_of_maps" | "hash_of_maps" => attr.inner_map_fd = raw(&needs.inner)?,
        "sk_storage" | "inode_storage" | "task_storage" | "cgrp_storage" => {
            attr.btf_fd = raw(&needs.btf)?;
            (attr.btf_key_type_id, attr.btf_value_type_id) = (1, 1);
        }
        "struct_ops" => attr.btf_vmlinux_value_type_id = 1,
        _ => {}
    }
    Ok(attr)
}

/// The number of a descriptor. What made it fail is what makes the map fail, but its EINVAL is
/// not the map's: a prerequisite that is missing proves nothing about the type.
fn raw(fd: &Result<OwnedFd, Errno>) -> Result<u32, Errno> {
    match fd {
        Ok(fd) => u32::try_from(fd.as_raw_fd()).map_err(|_| Errno::BADF),
        Err(Errno::INVAL) => Err(Errno::NOENT),
        Err(errno) => Err(*errno),
    }
}

fn page_size() -> u32 {
    u32::try_from(rustix::param::page_size()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Cause;

    const RIGHTS: Rights = Rights { proves_absence: true, filtered: false };

    #[test]
    fn this_kernel_has_the_maps_that_every_kernel_since_4_19_has() {
        let needs = Needs::new();
        for name in ["hash", "array", "lpm_trie", "lru_hash", "hash_of_maps", "prog_array"] {
            assert_eq!(ask(name, &needs, RIGHTS), Support::Supported, "{name}");
        }
    }

    #[test]
    fn a_prerequisite_that_failed_is_not_a_no() {
        let needs = Needs { inner: Err(Errno::INVAL), btf: Err(Errno::NOMEM) };
        assert!(matches!(ask("hash_of_maps", &needs, RIGHTS), Support::Unknown(_)));
        assert!(matches!(ask("sk_storage", &needs, RIGHTS), Support::Unknown(it)
            if it.cause == Cause::OutOfMemory));
    }

    #[test]
    fn every_map_type_has_a_row_of_sizes() {
        for name in names() {
            assert!(sized(name).map_type > 0, "{name}");
        }
    }
}
