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
    /// Modules with BTF of their own (Linux 5.11), and its size in bytes.
    pub modules: Observed<BTreeMap<String, Observed<u64>>>,
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
    /// Iterators: targets that an `iter/` program can have, such as `bpf_prog` or `tcp`.
    pub iterators: BTreeSet<String>,
    /// struct_ops types: structs `bpf_struct_ops_*`, without that prefix.
    pub struct_ops: BTreeSet<String>,
    /// Fields that CO-RE programs need, as `struct.field`; `false`: not in this kernel.
    pub fields: BTreeMap<String, bool>,
    /// Enumerators of [`Self::enums`], such as `BPF_LINK_TYPE_TCX`; those that are there.
    pub enumerators: BTreeSet<String>,
    /// Enums that were looked for and found, such as `bpf_link_type`; one without a name goes by
    /// its first enumerator. From an enum that is not here nothing follows.
    #[serde(default)]
    pub enums: BTreeSet<String>,
}

impl VmlinuxBtf {
    /// Whether the kernel was built with this enumerator of this enum (`bpf_link_type`,
    /// `BPF_LINK_TYPE_TCX`); `None`: the enum is not in the BTF, so nothing follows.
    pub fn has_enumerator(&self, of: &str, enumerator: &str) -> Option<bool> {
        self.enums.contains(of).then(|| self.enumerators.contains(enumerator))
    }
}
