//! What is loaded into the kernel now.

use serde::{Deserialize, Serialize};

use super::Observed;

/// All programs, maps and links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// How the list of programs was made; maps and links each take iterators where they work.
    pub method: Observed<Method>,
    /// Loaded programs, by id.
    pub programs: Observed<Vec<Program>>,
    /// Maps, by id.
    pub maps: Observed<Vec<Map>>,
    /// Links, by id. `Unknown` with cause `not_supported` before Linux 5.8.
    pub links: Observed<Vec<Link>>,
}

/// How an inventory was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// BPF iterators: CAP_BPF and CAP_PERFMON suffice.
    Iterators,
    /// BPF_*_GET_NEXT_ID: needs CAP_SYS_ADMIN.
    IdEnumeration,
}

/// One loaded program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Kernel id.
    pub id: u32,
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `expected_attach_type` at load; id enumeration cannot see it.
    pub expected_attach_type: Option<u32>,
    /// Name, cut by the kernel at 15 characters; may be empty.
    pub name: String,
    /// Hash of the instructions, in hexadecimal.
    pub tag: String,
    /// Run time in nanoseconds; 0 while statistics are off. `None`: iterators cannot read it, as it
    /// is kept by processor.
    pub run_time_ns: Option<u64>,
    /// Times it ran, likewise.
    pub run_count: Option<u64>,
}

/// One map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Kernel id.
    pub id: u32,
    /// `enum bpf_map_type`.
    pub map_type: u32,
    /// Name, cut by the kernel at 15 characters; may be empty.
    pub name: String,
    /// Key size in bytes.
    pub key_bytes: u32,
    /// Value size in bytes.
    pub value_bytes: u32,
    /// Most entries.
    pub max_entries: u32,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Kernel id.
    pub id: u32,
    /// `enum bpf_link_type`.
    pub link_type: u32,
    /// The program behind it.
    pub program_id: u32,
}
