//! BPF objects that are pinned in a bpffs.

use serde::{Deserialize, Serialize};

use super::Observed;

/// What lies in the bpffs mounts of the host that can be reached by their paths, but for the two
/// files that a kernel may put there itself (`maps.debug`, `progs.debug`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// Pinned objects and empty directories, by path; no more than [`Pins::MOST`].
    pub list: Vec<Pin>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

impl Pins {
    /// Most entries that are listed.
    pub const MOST: usize = 20_000;
}

/// One entry of a bpffs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Path on the host, below a mount point of [`super::mounts::MountFacts::bpffs`].
    pub path: String,
    /// What is pinned; `Known(None)`: a directory with nothing in it.
    pub object: Observed<Option<PinnedObject>>,
}

/// A pinned object by its kernel id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinnedObject {
    /// A program.
    Program(u32),
    /// A map.
    Map(u32),
    /// A BPF link.
    Link(u32),
}
