//! What the iterators write, one record an object.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Most bytes of an object's name with its end: `BPF_OBJ_NAME_LEN` of `include/uapi/linux/bpf.h`.
pub const NAME_BYTES: usize = 16;

/// One loaded program.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct ProgramRecord {
    /// `bpf_prog_aux.id`.
    pub id: u32,
    /// `bpf_prog.type`.
    pub program_type: u32,
    /// `bpf_prog.expected_attach_type`.
    pub expected_attach_type: u32,
    /// Always 0.
    pub padding: u32,
    /// `bpf_prog.tag`.
    pub tag: [u8; 8],
    /// `bpf_prog_aux.name`, ended by a zero byte.
    pub name: [u8; NAME_BYTES],
}

/// One map.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct MapRecord {
    /// `bpf_map.id`.
    pub id: u32,
    /// `bpf_map.map_type`.
    pub map_type: u32,
    /// `bpf_map.key_size`.
    pub key_bytes: u32,
    /// `bpf_map.value_size`.
    pub value_bytes: u32,
    /// `bpf_map.max_entries`.
    pub max_entries: u32,
    /// Always 0.
    pub padding: u32,
    /// `bpf_map.name`, ended by a zero byte.
    pub name: [u8; NAME_BYTES],
}

/// One link.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
pub struct LinkRecord {
    /// `bpf_link.id`.
    pub id: u32,
    /// `bpf_link.type`.
    pub link_type: u32,
    /// `bpf_link.prog->aux->id`; 0: the link has no program any more.
    pub program_id: u32,
}

const _: () = assert!(size_of::<ProgramRecord>() == 40);
const _: () = assert!(size_of::<MapRecord>() == 40);
const _: () = assert!(size_of::<LinkRecord>() == 12);
