//! Where bpffs and the cgroup trees are mounted.

use serde::{Deserialize, Serialize};

use super::Observed;

/// bpffs and cgroups as the host's mount table shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountFacts {
    /// Every bpffs mount, in mount order; two at one place are stacked.
    pub bpffs: Observed<Vec<BpffsMount>>,
    /// What is at `/sys/fs/bpf`: the file system's magic by statfs(2); `Known(None)`: no such
    /// directory. bpffs is 0xcafe4a11.
    pub sys_fs_bpf_magic: Observed<Option<u64>>,
    /// The cgroup layout.
    pub cgroup: Observed<CgroupMode>,
    /// Where cgroup v2 is mounted, in mount order.
    pub cgroup2: Observed<Vec<String>>,
    /// Whether the v1 controller `net_cls` is mounted.
    pub net_cls: Observed<bool>,
}

/// Magic number of bpffs (`BPF_FS_MAGIC`, `include/uapi/linux/magic.h`).
pub const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// One bpffs mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BpffsMount {
    /// Mount point.
    pub path: String,
    /// Super options, such as `mode=700`, `delegate_cmds=…`.
    pub options: Vec<String>,
    /// Owner of the root directory; `Known(None)`: hidden by a later mount or gone.
    pub owner: Observed<Option<Owner>>,
}

/// Owner and mode of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// How cgroups are set up, see cgroups(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupMode {
    /// Only v1 hierarchies.
    V1,
    /// Only the unified hierarchy.
    V2,
    /// Both: v1 controllers, and a v2 tree.
    Hybrid,
    /// No cgroup file system is mounted.
    None,
}
