//! The attributes of bpf(2), as `union bpf_attr` of `include/uapi/linux/bpf.h` lays them out.

use zerocopy::{Immutable, IntoBytes};

/// `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct MapCreate {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) inner_map_fd: u32,
    pub(crate) numa_node: u32,
    pub(crate) map_name: [u8; 16],
    pub(crate) map_ifindex: u32,
    pub(crate) btf_fd: u32,
    pub(crate) btf_key_type_id: u32,
    pub(crate) btf_value_type_id: u32,
    pub(crate) btf_vmlinux_value_type_id: u32,
    pub(crate) map_extra: u64,
}

/// `BPF_MAP_UPDATE_ELEM`, and by its first field alone `BPF_MAP_FREEZE`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct MapElem {
    pub(crate) map_fd: i32,
    pub(crate) padding: u32,
    pub(crate) key: u64,
    pub(crate) value: u64,
    pub(crate) flags: u64,
}

/// `BPF_*_GET_NEXT_ID`, `BPF_*_GET_FD_BY_ID`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct GetId {
    pub(crate) id: u32,
    pub(crate) next_id: u32,
    pub(crate) open_flags: u32,
}

/// `BPF_ENABLE_STATS`; 0 is `BPF_STATS_RUN_TIME`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct EnableStats {
    pub(crate) kind: u32,
}

/// `BPF_ITER_CREATE`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct IterCreate {
    pub(crate) link_fd: i32,
    pub(crate) flags: u32,
}

/// `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct ProgLoad {
    pub(crate) prog_type: u32,
    pub(crate) insn_cnt: u32,
    pub(crate) insns: u64,
    pub(crate) license: u64,
    pub(crate) log_level: u32,
    pub(crate) log_size: u32,
    pub(crate) log_buf: u64,
    pub(crate) kern_version: u32,
    pub(crate) prog_flags: u32,
    pub(crate) prog_name: [u8; 16],
    pub(crate) prog_ifindex: u32,
    pub(crate) expected_attach_type: u32,
    pub(crate) prog_btf_fd: u32,
    pub(crate) func_info_rec_size: u32,
    pub(crate) func_info: u64,
    pub(crate) func_info_cnt: u32,
    pub(crate) line_info_rec_size: u32,
    pub(crate) line_info: u64,
    pub(crate) line_info_cnt: u32,
    pub(crate) attach_btf_id: u32,
    pub(crate) attach_prog_fd: u32,
    pub(crate) core_relo_cnt: u32,
    pub(crate) fd_array: u64,
    pub(crate) core_relos: u64,
    pub(crate) core_relo_rec_size: u32,
    pub(crate) log_true_size: u32,
    pub(crate) prog_token_fd: i32,
    pub(crate) fd_array_cnt: u32,
    pub(crate) signature: u64,
    pub(crate) signature_size: u32,
    pub(crate) keyring_id: i32,
}

/// `BPF_PROG_ATTACH`, `BPF_PROG_DETACH`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct ProgAttach {
    pub(crate) target_fd: i32,
    pub(crate) attach_bpf_fd: i32,
    pub(crate) attach_type: u32,
    pub(crate) attach_flags: u32,
}

/// `BPF_PROG_QUERY`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct ProgQuery {
    pub(crate) target: i32,
    pub(crate) attach_type: u32,
    pub(crate) query_flags: u32,
    pub(crate) attach_flags: u32,
    pub(crate) prog_ids: u64,
    pub(crate) prog_cnt: u32,
    pub(crate) padding: u32,
    pub(crate) prog_attach_flags: u64,
    pub(crate) link_ids: u64,
    pub(crate) link_attach_flags: u64,
    pub(crate) revision: u64,
}

/// `BPF_OBJ_GET`, to the fields of Linux 4.15.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct ObjGet {
    pub(crate) pathname: u64,
    pub(crate) bpf_fd: u32,
    pub(crate) file_flags: u32,
}

/// `BPF_LINK_CREATE`; `extra` is the part that differs by link type.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct LinkCreate {
    pub(crate) prog_fd: i32,
    pub(crate) target: i32,
    pub(crate) attach_type: u32,
    pub(crate) flags: u32,
    pub(crate) extra: [u64; 6],
}

/// `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct RawTracepointOpen {
    pub(crate) name: u64,
    pub(crate) prog_fd: i32,
    pub(crate) padding: u32,
}

/// `BPF_BTF_LOAD`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct BtfLoad {
    pub(crate) btf: u64,
    pub(crate) btf_log_buf: u64,
    pub(crate) btf_size: u32,
    pub(crate) btf_log_size: u32,
    pub(crate) btf_log_level: u32,
    pub(crate) padding: u32,
}

/// `BPF_MAP_*_BATCH`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct MapBatch {
    pub(crate) in_batch: u64,
    pub(crate) out_batch: u64,
    pub(crate) keys: u64,
    pub(crate) values: u64,
    pub(crate) count: u32,
    pub(crate) map_fd: i32,
    pub(crate) elem_flags: u64,
    pub(crate) flags: u64,
}

/// `BPF_PROG_TEST_RUN`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct TestRun {
    pub(crate) prog_fd: i32,
    pub(crate) retval: u32,
    pub(crate) data_size_in: u32,
    pub(crate) data_size_out: u32,
    pub(crate) data_in: u64,
    pub(crate) data_out: u64,
    pub(crate) repeat: u32,
    pub(crate) duration: u32,
}

/// `BPF_TOKEN_CREATE`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct TokenCreate {
    pub(crate) flags: u32,
    pub(crate) bpffs_fd: i32,
}

/// `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, IntoBytes, Immutable)]
pub(crate) struct GetInfo {
    pub(crate) bpf_fd: i32,
    pub(crate) info_len: u32,
    pub(crate) info: u64,
}

/// The beginning of `struct bpf_prog_info`; the kernel fills as much as it is given room for.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProgInfo {
    pub(crate) prog_type: u32,
    pub(crate) id: u32,
    pub(crate) tag: [u8; 8],
    pub(crate) jited_prog_len: u32,
    pub(crate) xlated_prog_len: u32,
    pub(crate) jited_prog_insns: u64,
    pub(crate) xlated_prog_insns: u64,
}

/// Attributes that may be handed to the kernel: plain integers, laid out as the kernel does.
///
/// `IntoBytes` is the compiler's word that there is no padding: what stands in padding is random,
/// and the kernel answers EINVAL to bytes that it does not know and that are not zero.
///
/// # Safety
///
/// Every address in it that the caller sets points to memory of the size that the command's
/// length fields say.
pub(crate) unsafe trait Attr: IntoBytes {}

macro_rules! attributes {
    ($($name:ty),*) => {$(
        // SAFETY: `#[repr(C)]` integers only, laid out like the part of `union bpf_attr`.
        unsafe impl Attr for $name {}
    )*};
}
attributes!(
    MapCreate,
    MapElem,
    EnableStats,
    GetId,
    IterCreate,
    ProgLoad,
    ProgAttach,
    ProgQuery,
    ObjGet,
    LinkCreate,
    RawTracepointOpen,
    BtfLoad,
    MapBatch,
    TestRun,
    TokenCreate,
    GetInfo
);
