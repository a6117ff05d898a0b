//! What the kernel's own type information (BTF) says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Observed;

/// BTF of the running kernel; the source is `/sys/kernel/btf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BtfFacts {
    /// The kernel's own; `None`: there is no `/sys/kernel/btf/vmlinux` (CONFIG_DEBUG_INFO_BTF
    /// unset).
    pub vmlinux: Option<VmlinuxBtf>,
    /// Modules with BTF of their own, and whether it can be read.
    pub modules: BTreeMap<String, Observed<u64>>,
}

/// What `/sys/kernel/btf/vmlinux` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmlinuxBtf {
    /// Size in bytes.
    pub bytes: u64,
    /// `hdr_len` in bytes: 24, or 32 from Linux 7.2 on.
    pub header_bytes: u32,
    /// Number of types.
    pub types: u32,
    /// Helpers the kernel knows: `enum bpf_func_id`, number to name without `BPF_FUNC_`.
    /// `None`: the enum is not in the BTF, so nothing follows for any helper.
    pub helpers: Option<BTreeMap<u32, String>>,
    /// kfuncs: functions with the declaration tag `bpf_kfunc` (Linux 6.10 and pahole 1.26);
    /// `None`: this BTF carries no such tags, and only `functions` can be asked.
    pub kfuncs: Option<BTreeSet<String>>,
    /// Of the functions that Cilium or we ask about, those that are there.
    pub functions: BTreeSet<String>,
    /// Iterators: targets of `bpf_iter_*` functions, without that prefix.
    pub iterators: BTreeSet<String>,
    /// struct_ops types: structs `bpf_struct_ops_*`, without that prefix.
    pub struct_ops: BTreeSet<String>,
    /// Fields that CO-RE programs need, as `struct.field`; `false`: not in this kernel.
    pub fields: BTreeMap<String, bool>,
    /// Enumerators and types of interest, such as `BPF_LINK_TYPE_TCX`; those that are there.
    pub enumerators: BTreeSet<String>,
}
